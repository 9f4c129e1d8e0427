import { readdirSync } from 'node:fs';

/** Open files and sockets of this process; 0 where that cannot be counted. */
export function descriptorCount(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}
