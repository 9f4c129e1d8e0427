import { leadershipCases } from './leadership-cases.ts';
import { loadCases } from './load-cases.ts';
import { openHttp } from './networks.ts';
import { serviceCases } from './service-cases.ts';

serviceCases('HTTP', openHttp);
leadershipCases('HTTP', openHttp);
loadCases('HTTP', openHttp);
