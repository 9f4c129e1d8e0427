import type { CallOptions, RaftRpc } from '../../contract/network.ts';
import * as memberMessages from '../messages/member-messages.ts';
import type { IncomingBody } from './incoming-body.ts';
import * as messages from './messages.ts';
import { paths } from './wire.ts';

/** How one path is answered. */
export interface Route {
  readonly methods: readonly string[];
  /** Reads the question from the body, asks the node, and returns what is sent as `Ok`. */
  answer(rpc: RaftRpc, body: IncomingBody, options: CallOptions): Promise<unknown>;
}

export const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  [
    paths.requestVote,
    jsonRoute(messages.readVoteRequest, (rpc, request, options) =>
      rpc.requestVote(request, options),
    ),
  ],
  [
    paths.appendEntries,
    jsonRoute(messages.readAppendRequest, async (rpc, request, options) =>
      rpc.appendEntries(request, options),
    ),
  ],
  [paths.installSnapshot, { methods: ['POST'], answer: answerSnapshot }],
  [
    paths.timeoutNow,
    jsonRoute(messages.readTimeoutNowRequest, (rpc, request, options) =>
      rpc.timeoutNow(request, options),
    ),
  ],
  [
    paths.readIndex,
    jsonRoute(messages.readReadIndexRequest, (rpc, request, options) =>
      rpc.readIndex(request, options),
    ),
  ],
  [
    paths.forward,
    jsonRoute(messages.readForwardRequest, async (rpc, request, options) =>
      messages.forwardResponseToJson(await rpc.forward(request, options)),
    ),
  ],
  [
    paths.identify,
    { methods: ['GET', 'POST'], answer: (rpc, _body, options) => rpc.identify(options) },
  ],
  [
    paths.join,
    jsonRoute(memberMessages.readJoinRequest, (rpc, request, options) =>
      rpc.join(request, options),
    ),
  ],
  [
    paths.leave,
    jsonRoute(memberMessages.readLeaveRequest, (rpc, request, options) =>
      rpc.leave(request, options),
    ),
  ],
]);

function jsonRoute<Request>(
  read: (value: unknown, path: string) => Request,
  ask: (rpc: RaftRpc, request: Request, options: CallOptions) => Promise<unknown>,
): Route {
  return {
    methods: ['POST'],
    answer: async (rpc, body, options) => ask(rpc, read(await body.json(), 'The body'), options),
  };
}

async function answerSnapshot(
  rpc: RaftRpc,
  body: IncomingBody,
  options: CallOptions,
): Promise<unknown> {
  const { line, rest } = await body.jsonLine();
  const request = messages.readSnapshotRequest(line, 'The first line of the body');
  return rpc.installSnapshot(request, rest, options);
}
