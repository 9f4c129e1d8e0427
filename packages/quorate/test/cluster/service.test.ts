import { leadershipCases } from './leadership-cases.ts';
import { loadCases } from './load-cases.ts';
import { openMemory } from './networks.ts';
import { serviceCases } from './service-cases.ts';

serviceCases('a memory network', openMemory);
leadershipCases('a memory network', openMemory);
loadCases('a memory network', openMemory);
