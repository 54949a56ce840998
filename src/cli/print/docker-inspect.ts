import type { LayerSizes } from '../../export/sizes.ts';
import { familiarName, familiarRepository, parseReference } from '../../image/reference.ts';
import type { RuntimeConfig } from '../../image/types.ts';
import type { NamedImage } from '../../store/lookup.ts';
import { Absent, mapOf } from './template/values.ts';

/** An image in the format of `docker image inspect`, members in its order. */
export function describeImage(image: NamedImage, sizes: LayerSizes) {
  const { config, target, entries } = image;
  const total = sizes.total(image);
  const tagged = entries.map(({ updated }) => updated).sort();
  const references = image.names.map((name) => parseReference(name));
  return {
    Id: image.id,
    RepoTags: references.filter(({ tag }) => tag !== undefined).map((reference) => familiarName(reference)),
    RepoDigests: [...new Set(references.map((name) => `${familiarRepository(name)}@${target.digest}`))],
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? null,
    Author: config.author ?? '',
    Architecture: config.architecture,
    Variant: config.variant ?? Absent.optional('text'),
    Os: config.os,
    // The size of the blobs: that of the files is unknown before they are unpacked.
    Size: total.blobs,
    CompressedSize: total.blobs,
    UnpackedSize: total.content ?? null,
    RootFS: { Type: config.rootfs.type, Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: tagged.at(-1) ?? null },
    Descriptor: { mediaType: target.mediaType, digest: target.digest, size: target.size },
    Config: describeRuntime(config.config ?? {}),
  };
}

/** Docker's members first, also absent ones, then all others of the config. */
function describeRuntime(config: RuntimeConfig) {
  const { Cmd, Entrypoint, Env, Labels, OnBuild, User, Volumes, WorkingDir, ...more } = config;
  const { ExposedPorts, Healthcheck, StopSignal, Shell, ...rest } = more;
  return {
    Cmd: Cmd ?? Absent.list,
    Entrypoint: Entrypoint ?? Absent.list,
    Env: Env ?? Absent.list,
    Labels: mapOf(Labels),
    OnBuild: OnBuild ?? Absent.list,
    User: User ?? '',
    Volumes: mapOf(Volumes),
    WorkingDir: WorkingDir ?? '',
    // Docker omits these if empty; a template may still name them.
    ExposedPorts: ExposedPorts === undefined ? Absent.optional('map') : mapOf(ExposedPorts),
    Healthcheck: Healthcheck ?? Absent.optional('object'),
    StopSignal: StopSignal ?? Absent.optional('text'),
    Shell: Shell ?? Absent.optional('list'),
    ...rest,
  };
}
