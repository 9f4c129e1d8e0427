import { describe, test } from 'vitest';
import { networkSuite } from '../../src/testing/network-suite.ts';
import { type HttpUnderTest, openHttp, openStranger } from './http-server.ts';

describe('the network over HTTP', () => {
  networkSuite({
    test,
    open: () => openHttp(),
    openSilent: () => openStranger((socket) => void socket.resume()),
    openGarbage: () => openStranger((socket) => void socket.resume().end('SSH-2.0-whatever\r\n')),
    // What the suite hands back is what `openHttp` returned.
    countOpen: (under) => (under as HttpUnderTest).countOpen(),
    breakConnections: (under, id) => (under as HttpUnderTest).breakConnections(id),
  });
});
