import { describe, expect, test } from 'vitest';
import type { RaftRpc } from '../../src/contract/network.ts';
import { UnreachableError } from '../../src/errors.ts';
import { frame, frameTypes } from '../../src/network/tcp/frame.ts';
import { writeRequest } from '../../src/network/tcp/messages.ts';
import type { SimMessage } from './hooks.ts';
import type { SimProcess } from './process.ts';
import { answered, checkAnswer, checkFailure, type Flight, WireBook } from './wire-book.ts';
import type { Wire } from './wire-net.ts';

const dialled = {} as SimProcess;
const vote = { term: 3, candidate: 'a', lastLogId: { term: 2, index: 5 } };
const request = { ...vote, preVote: false, transfer: false };

function message(kind: keyof RaftRpc, body: unknown): SimMessage {
  return { number: 1, kind, from: 'a', to: 'b', fromLife: 1, request: body, sentAt: 0 };
}

function wireOf(): Wire {
  return { from: 'a', to: 'b', dialled, near: {} as Wire['near'] };
}

/** The bytes of a vote's request, as call `call`. */
function bytesOf(call: number, body = request): Uint8Array {
  const head = { type: frameTypes.request, group: 0, call };
  return Buffer.concat(frame(head, writeRequest('requestVote', body)));
}

function sent(): { book: WireBook; wire: Wire; flight: Flight } {
  const book = new WireBook();
  const wire = wireOf();
  const flight = book.made(dialled, message('requestVote', request));
  expect(book.write(wire, bytesOf(7))).toBe('requestVote');
  return { book, wire, flight };
}

describe('A call that comes out of a connection', () => {
  test('is the one that was put into it, by its number there', () => {
    const { book, wire, flight } = sent();

    expect(book.delivered(wire, 7, 'requestVote', { ...request })).toBe(flight);
  });

  test('must have been made, for this connection, and come once and unchanged', () => {
    const { book, wire } = sent();
    const comes = (where: Wire, call: number, body = request): unknown =>
      book.delivered(where, call, 'requestVote', body);

    expect(() => comes(wire, 8)).toThrow(/made by nobody/);
    expect(() => comes(wireOf(), 7)).toThrow(/made by nobody/);
    expect(() => comes(wire, 7, { ...request, term: 4 })).toThrow(/not what was sent/);
    comes(wire, 7);
    expect(() => comes(wire, 7)).toThrow(expect.objectContaining({ code: 'S30' }));
  });

  test('is not the same call written a second time', () => {
    const { book, wire } = sent();
    const next = wireOf();

    book.delivered(wire, 7, 'requestVote', request);
    book.write(next, bytesOf(7));

    expect(() => book.delivered(next, 7, 'requestVote', request)).toThrow(/sent before/);
  });

  test('may have been given up, but not with the word that it never left', () => {
    const write = { command: new Uint8Array([1]) };
    const comesAfter = (maybeApplied: boolean): unknown => {
      const book = new WireBook();
      const wire = wireOf();
      const flight = book.made(dialled, message('forward', write));
      const head = { type: frameTypes.request, group: 0, call: 1 };
      book.write(wire, Buffer.concat(frame(head, writeRequest('forward', write))));
      checkFailure(flight, new UnreachableError('Gone.', { maybeApplied }));
      return book.delivered(wire, 1, 'forward', write) === flight;
    };

    expect(comesAfter(true)).toBe(true);
    expect(() => comesAfter(false)).toThrow(/its caller was told that it never did/);
  });
});

describe('Calls with the same bytes', () => {
  /** One is given up before it is seen to leave, and one is made anew. */
  function twins(): { book: WireBook; wire: Wire; first: Flight; second: Flight } {
    const book = new WireBook();
    const first = book.made(dialled, message('requestVote', request));
    checkFailure(first, new UnreachableError('Given up.'));
    const second = book.made(dialled, message('requestVote', request));
    return { book, wire: wireOf(), first, second };
  }

  test('may stand for one another until each was seen to leave', () => {
    const { book, wire, second } = twins();
    book.write(wire, bytesOf(1));
    book.write(wire, bytesOf(2));

    answered(book.delivered(wire, 1, 'requestVote', request), { granted: false, term: 3 });
    answered(book.delivered(wire, 2, 'requestVote', request), { granted: true, term: 3 });

    expect(() => checkAnswer(second, { granted: true, term: 4 })).toThrow(/to something else/);
    checkAnswer(second, { granted: true, term: 3 });
  });

  test('arrive as often as they were made, and their answers are given once', () => {
    const { book, wire, second } = twins();
    for (const call of [1, 2, 3]) book.write(wire, bytesOf(call));
    for (const call of [1, 2]) {
      answered(book.delivered(wire, call, 'requestVote', request), { granted: true, term: call });
    }

    expect(() => book.delivered(wire, 3, 'requestVote', request)).toThrow(/made by nobody/);
    checkAnswer(second, { granted: true, term: 1 });
    expect(() => checkAnswer(second, { granted: true, term: 1 })).toThrow(/to something else/);
  });

  test('are others when all of them were seen to leave', () => {
    const { book, wire, second } = twins();
    for (const call of [1, 2]) book.write(wire, bytesOf(call));
    const third = book.made(dialled, message('requestVote', request));
    answered(book.delivered(wire, 1, 'requestVote', request), { granted: true, term: 3 });

    expect(() => checkAnswer(third, { granted: true, term: 3 })).toThrow(/nobody has answered/);
    checkAnswer(second, { granted: true, term: 3 });
  });

  test('of which one certainly never left arrive once less', () => {
    const write = { command: new Uint8Array([1]) };
    const book = new WireBook();
    const wire = wireOf();
    const [, second] = [1, 2].map(() => book.made(dialled, message('forward', write)));
    const body = writeRequest('forward', write);
    for (const call of [1, 2]) {
      const head = { type: frameTypes.request, group: 0, call };
      book.write(wire, Buffer.concat(frame(head, body)));
    }
    checkFailure(second as Flight, new UnreachableError('Gone.', { maybeApplied: false }));

    book.delivered(wire, 1, 'forward', write);
    expect(() => book.delivered(wire, 2, 'forward', write)).toThrow(/told that it never did/);
  });

  test('are not remembered without an end', () => {
    const book = new WireBook();
    const wire = wireOf();
    const left = book.made(dialled, message('requestVote', request));
    for (let call = 1; call <= 500; call += 1) {
      const flight = book.made(dialled, message('requestVote', request));
      book.write(wire, bytesOf(call));
      answered(book.delivered(wire, call, 'requestVote', request), { granted: true, term: 3 });
      checkAnswer(flight, { granted: true, term: 3 });
    }

    expect(left.twins.flights.length).toBeLessThan(100);
  });
});

describe('An answer', () => {
  const granted = { granted: true, term: 3 };

  test('is the one that the other side gave', () => {
    const { flight } = sent();
    answered(flight, granted);

    checkAnswer(flight, { ...granted });
    expect(() => checkAnswer(flight, { ...granted, term: 4 })).toThrow(/answer to something else/);
  });

  test('is not there before it was given, nor in the place of an error', () => {
    const { flight } = sent();

    expect(() => checkAnswer(flight, granted)).toThrow(/nobody has answered it/);
    flight.answer = { error: new Error('No.') };
    expect(() => checkAnswer(flight, granted)).toThrow(/the answer was an error/);
  });

  test('that does not come says the truth about a write that has arrived', () => {
    const book = new WireBook();
    const write = book.made(dialled, message('forward', { command: new Uint8Array([1]) }));
    write.isDelivered = true;
    const lost = (maybeApplied: boolean): Error => new UnreachableError('Lost.', { maybeApplied });

    checkFailure(write, lost(true));
    expect(() => checkFailure(write, lost(false))).toThrow(/is told that it has not/);
    write.isDenied = false;
    write.answer = { error: lost(false) };
    checkFailure(write, lost(false));
  });
});
