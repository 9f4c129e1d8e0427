import { joiningCases } from './joining-cases.ts';
import { openHttp } from './networks.ts';

joiningCases('HTTP', openHttp);
