import { clusterCases } from './cases.ts';
import { openMemory } from './networks.ts';
import { snapshotCases } from './snapshot-cases.ts';

clusterCases('a memory network', openMemory);
snapshotCases('a memory network', openMemory);
