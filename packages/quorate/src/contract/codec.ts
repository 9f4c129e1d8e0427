/**
 * Turns commands into the bytes that are logged and sent. The default is JSON in UTF-8. A command
 * that is a `Uint8Array` passes as it is, whatever the codec. What does not decode again is refused
 * to its writer.
 */
export interface Codec<Command> {
  encode(command: Command): Uint8Array;
  decode(bytes: Uint8Array): Command;
}
