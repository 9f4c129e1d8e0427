import { type Choices, pick } from '../../../quorate/test/sim/choices.ts';

import { type BaseClient, KvClient } from '../../src/client.ts';
import { HttpKvClient } from '../../src/client-http.ts';
import { fetchOf, httpAddressOf } from './http-fetch.ts';
import { membersLeave } from './knobs.ts';
import { isAllowed } from './outcomes.ts';
import { KvProcess } from './process.ts';
import { handOverLate, isolateLeader, reserve } from './set-pieces.ts';
import { type Desk, workersFor } from './workers/workers.ts';
import type { KvWorld } from './world.ts';

/** The address of a member's HTTP API, by that of its other port. */
function httpOf(address: string): string {
  return httpAddressOf(address.split(':')[0] ?? '');
}

/** One client program: a `KvClient` and those who work with it, one process after the other. */
export class SimClient {
  readonly name: string;
  rate = 1;
  process: KvProcess | undefined;
  client: BaseClient | undefined;
  /** Workers of the process that have not come to their end. */
  working = 0;
  readonly #world: KvWorld;
  #life = 0;

  constructor(name: string, world: KvWorld) {
    this.name = name;
    this.#world = world;
  }

  get isAlive(): boolean {
    return this.process !== undefined && !this.process.isDead;
  }

  start(): void {
    if (this.isAlive) return;
    const { queue, choices, net, addresses, knobs } = this.#world;
    this.#life += 1;
    this.working = 0;
    const process = new KvProcess({
      node: this.name,
      life: this.#life,
      queue,
      choices,
      rate: this.rate,
    });
    const sockets = net.socketsOf(this.name, process);
    this.process = process;
    const isReplaced = membersLeave(knobs);
    const first = pick(choices, 'client.server', addresses);
    // Some know one member only, and learn of the others; but that one must not leave for good.
    const servers = choices.choose('client.servers', 3) === 2 && !isReplaced ? [first] : addresses;
    const isOverHttp = choices.choose('client.http', 4) === 3;
    const common = { runtime: process, timeoutMs: knobs.timeoutMs };
    const client = isOverHttp
      ? new HttpKvClient({
          ...common,
          servers: servers.map(httpOf),
          fetch: fetchOf(this.#world, this.name, process),
        })
      : new KvClient({ ...common, servers, sockets });
    this.client = client;
    this.#world.tell(`start ${this.name} ${this.#life}`);
    const desk = this.#desk(client, process, choices, sockets);
    for (const [at, work] of workersFor(desk).entries()) {
      this.working += 1;
      process.enter(() => void this.#employ({ ...desk, name: `${desk.name}.${at}` }, work));
    }
  }

  crash(): void {
    if (!this.isAlive) return;
    this.#world.tell(`crash ${this.name}`);
    this.process?.kill();
    this.client = undefined;
    this.working = 0;
  }

  #desk(client: BaseClient, process: KvProcess, choices: Choices, sockets: Desk['sockets']): Desk {
    const { records, chronicle, knobs, addresses } = this.#world;
    const name = `${this.name}.${this.#life}`;
    return {
      name,
      client,
      process,
      choices,
      sockets,
      records,
      chronicle,
      knobs,
      addresses,
      world: this.#world,
      setPieces: {
        reserve: (ms) => reserve(this.#world, ms),
        handOverLate: (times) => handOverLate(this.#world, times),
        isolateLeader: (ms) => {
          const at = addresses.indexOf(isolateLeader(this.#world, ms) ?? '');
          return at < 0 ? undefined : at;
        },
      },
      rest: () => {
        const ms = knobs.restMs * (0.25 + choices.choose(`rest.${this.name}`, 64) / 42);
        return new Promise((resolve) => process.setTimer(() => resolve(), ms));
      },
    };
  }

  async #employ(desk: Desk, work: (desk: Desk) => Promise<void>): Promise<void> {
    try {
      await work(desk);
    } catch (error) {
      if (desk.process.isDead) return;
      if (!isAllowed(error, this.#world.knobs)) this.#world.fail(error);
    }
    if (!desk.process.isDead) this.working -= 1;
  }
}
