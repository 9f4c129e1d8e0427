import { expect, test } from 'vitest';

import { startKit } from './support/http-kit.ts';

test('a promotion may take as long as its caller waits, and longer than another answer', async () => {
  await using kit = await startKit({ limits: { callTimeoutMs: 20 } });
  const held = Promise.withResolvers<void>();
  kit.service.memberPromote = async () => {
    await held.promise;
    return { changed: true, members: [] };
  };
  const headers = { 'quorate-timeout': '60000' };

  const promoting = kit.ask('/v1/members/d/promote', { method: 'POST', headers });
  const inVain = await kit.ask('/v1/members/d/promote', { method: 'POST' });
  held.resolve();

  expect(inVain.status).toBe(504);
  expect(await promoting).toMatchObject({ status: 200, json: { changed: true } });
});
