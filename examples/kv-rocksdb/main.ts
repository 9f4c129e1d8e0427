import { runNode } from '../kv-memstore/node-program.ts';
import { parseServerArguments, serverUsage } from '../kv-memstore/server-options.ts';
import { startRocksServer } from './server.ts';

const usage = `${serverUsage.replaceAll('kv-memstore', 'kv-rocksdb')}

The state is in RocksDB, so --data must be given.`;

const options = parseServerArguments(process.argv.slice(2));
await runNode(options, { start: startRocksServer, usage });
