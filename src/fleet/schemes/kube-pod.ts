import { dialStdio, programArgument } from '../dial-stdio.ts';
import type { Scheme } from '../link.ts';

const OPTIONS = ['context', 'namespace', 'container'] as const;

/** A pod with `buildkitd`, reached by `kubectl exec`. */
export const kubePod: Scheme = {
  example: 'kube-pod://POD?namespace=NAMESPACE',
  parameters: OPTIONS,
  link(address, environment) {
    const pod = programArgument(decodeURIComponent(address.host), address);
    const options = OPTIONS.flatMap((name) => {
      const value = address.searchParams.get(name);
      return value === null ? [] : [`--${name}=${value}`];
    });
    return dialStdio(
      ['kubectl', 'exec', '-i', ...options, pod, '--', 'buildctl', 'dial-stdio'],
      address,
      environment,
    );
  },
};
