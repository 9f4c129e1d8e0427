import { clusterCases } from './cases.ts';
import { openHttp } from './networks.ts';

clusterCases('HTTP', openHttp);
