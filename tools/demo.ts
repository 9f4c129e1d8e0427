// `npm start`: the demo of the key-value server, which says how its program is called here.

import { runCommand } from '../packages/kv/src/cli/run-command.ts';

const called = ['--called', 'npm run -s quorate --'];
process.exit(await runCommand(['demo', ...called, ...process.argv.slice(2)]));
