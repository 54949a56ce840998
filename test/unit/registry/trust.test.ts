import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemTrust } from '../../../src/registry/trust.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe("the system's authorities", () => {
  let folder: string;
  beforeEach(() => {
    folder = tempDir();
  });

  it('are those of the first bundle that there is', () => {
    const bundle = join(folder, 'bundle.crt');
    writeFileSync(bundle, 'of the system');
    expect(systemTrust({}, [join(folder, 'none'), bundle, join(folder, 'other')])).toBe('of the system');
    expect(systemTrust({}, [join(folder, 'none')])).toBeUndefined();
  });

  it('are those that SSL_CERT_FILE names, which has to be there', () => {
    const own = join(folder, 'own.crt');
    writeFileSync(own, 'my own');
    expect(systemTrust({ SSL_CERT_FILE: own }, [])).toBe('my own');
    expect(() => systemTrust({ SSL_CERT_FILE: join(folder, 'none') }, [own])).toThrow(
      expect.objectContaining({ code: 'CERTIFICATE_UNREADABLE' }),
    );
  });
});
