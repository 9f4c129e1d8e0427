// Loaded before every program that bootstrap.mjs starts: when bootstrap is gone, however it went,
// the channel to it closes and the program is asked to end, so that nothing is left behind.

import process from 'node:process';

if (process.channel) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}
