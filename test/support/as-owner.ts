import { chooseIsolation, namespaceCommand } from '../../src/machine/namespace.ts';

/**
 * Words before a command with which it may look into everything of a store of this user's: into files of subordinate
 * ids, and whatever their modes are.
 */
export function asOwner(): string[] {
  const isolation = chooseIsolation();
  return isolation === 'ranges' || isolation === 'single' ? namespaceCommand(isolation) : [];
}
