import { RUNG_NAMES, type RungName } from '../protocol/rung.ts';
import { probeChroot } from './probes/chroot.ts';
import { probeNamespaces } from './probes/namespaces.ts';
import { probeNone } from './probes/none.ts';
import { probeOci } from './probes/oci.ts';
import type { Probe, Rung } from './probes/probe.ts';

/** One line per rung. `RUNGS` has their order. */
const PROBES: Record<RungName, Probe> = {
  oci: probeOci,
  namespaces: probeNamespaces,
  chroot: probeChroot,
  none: probeNone,
};

/**
 * Tries every rung on this machine.
 *
 * @param home the store's folder, which must exist
 * @returns the best rung first
 */
export function probeRungs(home: string): Promise<Rung[]> {
  const tried = new Map<RungName, Promise<Rung>>();
  const probe = (name: RungName): Promise<Rung> => {
    const known = tried.get(name) ?? Promise.resolve(PROBES[name]({ home, other: probe }));
    tried.set(name, known);
    return known;
  };
  return Promise.all(RUNG_NAMES.map(probe));
}
