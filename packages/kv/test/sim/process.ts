import { SimProcess } from '../../../quorate/test/sim/process.ts';

/** A process whose names are as long as the server wants those of streams. */
export class KvProcess extends SimProcess {
  override randomId(): string {
    return `${'0'.repeat(16)}-${super.randomId()}`;
  }
}
