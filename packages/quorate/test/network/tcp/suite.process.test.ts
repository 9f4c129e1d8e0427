import { describe, test } from 'vitest';
import { networkSuite } from '../../../src/testing/network-suite.ts';
import { openGarbage, openSilent, openTcp, type TcpUnderTest } from './tcp-under-test.ts';

describe('the network over TCP', () => {
  networkSuite({
    test,
    open: () => openTcp(),
    openSilent,
    openGarbage,
    // What the suite hands back is what `openTcp` returned.
    countOpen: (under) => (under as TcpUnderTest).countOpen(),
    breakConnections: (under, id) => (under as TcpUnderTest).breakConnections(id),
  });
});
