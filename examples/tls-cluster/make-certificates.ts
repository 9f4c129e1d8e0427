// Makes an authority and the certificates that it signs, with openssl.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { forgetOldAuthorities, issue, makeAuthority } from './certificates.ts';

const usage = `Certificates for the nodes and the clients of the example cluster, signed by one authority.

  node --conditions=quorate-source examples/tls-cluster/make-certificates.ts FOLDER [NAME...]

  FOLDER                    where they are; the authority is made if there is none
  NAME                      of a node or a client; what it had before is replaced
  --days N                  how long the certificates hold (default 90)
  --expired                 makes certificates that have ended, to see what becomes of them
  --new-authority           makes another authority, which signs from now on; both are believed
  --forget-old-authorities  only the newest one is believed
  --help                    shows this`;

try {
  await run();
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)} Try --help.`);
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      days: { type: 'string', default: '90' },
      expired: { type: 'boolean', default: false },
      'new-authority': { type: 'boolean', default: false },
      'forget-old-authorities': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const [folder, ...names] = positionals;
  if (folder === undefined) throw new RangeError('A folder for the certificates is wanted.');
  const days = Number(values.days);
  if (!Number.isInteger(days) || days < 1 || days > 3650) {
    throw new RangeError(`--days wants a whole number from 1 to 3650; got "${values.days}".`);
  }
  for (const name of names) {
    const isName = /^[a-z0-9][a-z0-9-]{0,62}$/.test(name) && !['ca', 'authority'].includes(name);
    if (isName) continue;
    const wanted = 'small letters, digits and hyphens, and neither "ca" nor "authority"';
    throw new RangeError(`A name wants ${wanted}; got "${name}".`);
  }

  const hasAuthority = existsSync(path.join(folder, 'authority-key.pem'));
  if (values['new-authority'] || !hasAuthority) {
    await makeAuthority(folder);
    console.log(`made an authority, beside those that ${path.join(folder, 'ca.pem')} had`);
  }
  for (const name of names) {
    await issue(folder, name, { days: values.expired ? -1 : days });
    console.log(`made ${path.join(folder, `${name}.pem`)} and its key`);
  }
  if (values['forget-old-authorities']) {
    await forgetOldAuthorities(folder);
    console.log(`${path.join(folder, 'ca.pem')} has the newest authority alone`);
  }
}
