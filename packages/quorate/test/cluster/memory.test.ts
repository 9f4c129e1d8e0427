import { clusterCases } from './cases.ts';
import { openMemory } from './networks.ts';

clusterCases('a memory network', openMemory);
