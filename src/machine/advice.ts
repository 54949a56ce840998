/**
 * A command that only root can do something with, as advice to whoever runs this: an ordinary user has to ask for it.
 */
export function asRoot(command: string, uid = process.getuid!()): string {
  return uid === 0 ? command : `ask an administrator for: ${command}`;
}
