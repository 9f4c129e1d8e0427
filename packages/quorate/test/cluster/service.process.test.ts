import { openHttp } from './networks.ts';
import { serviceCases } from './service-cases.ts';

serviceCases('HTTP', openHttp);
