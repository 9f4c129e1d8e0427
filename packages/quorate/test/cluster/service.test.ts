import { openMemory } from './networks.ts';
import { serviceCases } from './service-cases.ts';

serviceCases('a memory network', openMemory);
