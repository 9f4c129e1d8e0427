import { clusterCases } from './cases.ts';
import { openHttp } from './networks.ts';
import { snapshotCases } from './snapshot-cases.ts';

clusterCases('HTTP', openHttp);
snapshotCases('HTTP', openHttp);
