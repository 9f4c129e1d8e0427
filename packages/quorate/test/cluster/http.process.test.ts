import { clusterCases } from './cases.ts';
import { openHttp } from './networks.ts';
import { sessionCases } from './session-cases.ts';
import { snapshotCases } from './snapshot-cases.ts';

clusterCases('HTTP', openHttp);
sessionCases('HTTP', openHttp);
snapshotCases('HTTP', openHttp);
