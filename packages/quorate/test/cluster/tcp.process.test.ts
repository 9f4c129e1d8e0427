import { clusterCases } from './cases.ts';
import { sessionCases } from './session-cases.ts';
import { snapshotCases } from './snapshot-cases.ts';
import { openTcp } from './tcp-network.ts';

clusterCases('TCP', openTcp);
sessionCases('TCP', openTcp);
snapshotCases('TCP', openTcp);
