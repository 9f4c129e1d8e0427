import { countBuffersWithHeap } from './collector.ts';
import type { ServeConfig } from './config/serve-config.ts';
import { openLog } from './log.ts';
import { type ServingMember, serve } from './serve.ts';

/** What the process ends with. */
export type ExitCode = 0 | 1;

const stoppedCode = 0;
const failedCode = 1;

/** Runs a member until a signal comes, or it fails. */
export async function runMember(config: ServeConfig): Promise<ExitCode> {
  countBuffersWithHeap();
  const logger = openLog({ level: config.logLevel, member: config.name });
  const stopping = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) {
      logger.warn({ signal }, 'asked again to stop, and stops at once');
      process.exit(failedCode);
    }
    logger.info({ signal, withinMs: config.stopTimeoutMs }, 'stopping');
    // Whatever hangs, the process ends in time.
    setTimeout(() => {
      logger.error(
        { afterMs: config.stopTimeoutMs },
        'did not stop in time, and ends all the same',
      );
      process.exit(stoppedCode);
    }, config.stopTimeoutMs);
    stopping.abort(new Error(`The member was asked to stop by ${signal}.`));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  let serving: ServingMember | undefined;
  // Without certificates it means what it does elsewhere: the terminal has gone.
  if (config.tls !== undefined) process.on('SIGHUP', () => serving?.renewCertificates());
  try {
    serving = await serve(config, { logger, signal: stopping.signal });
    const failure = await Promise.race([stopped, serving.failed()]);
    await serving.stop();
    if (failure === undefined) return stoppedCode;
    logger.error({ reason: failure }, 'the member has failed');
  } catch (error) {
    if (stopping.signal.aborted) return stoppedCode;
    logger.error({ err: error }, 'could not start');
  }
  return failedCode;
}
