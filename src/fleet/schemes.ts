import type { Scheme } from './link.ts';
import { dockerContainer, podmanContainer } from './schemes/container.ts';
import { docker } from './schemes/docker.ts';
import { kubePod } from './schemes/kube-pod.ts';
import { ssh } from './schemes/ssh.ts';
import { tcp } from './schemes/tcp.ts';
import { unix } from './schemes/unix.ts';

/** Every scheme of a builder's address. */
export const SCHEMES: Record<string, Scheme> = {
  docker,
  'docker-container': dockerContainer,
  'kube-pod': kubePod,
  'podman-container': podmanContainer,
  ssh,
  tcp,
  unix,
};
