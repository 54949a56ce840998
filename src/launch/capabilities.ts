/** Names of Linux's capabilities, in lower case without `CAP_`. The index is the number. */
export const CAPABILITY_NAMES = (
  'chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable ' +
  'net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot ' +
  'sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease ' +
  'audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read ' +
  'perfmon bpf checkpoint_restore'
).split(' ');

/** Docker's default capabilities. */
export const DEFAULT_CAPABILITIES: readonly string[] = (
  'chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod ' +
  'audit_write setfcap'
).split(' ');

/** The named capabilities that are in a mask. @param mask see `capabilityMask` */
export function within(mask: bigint, names: readonly string[]): string[] {
  return names.filter((name) => ((mask >> BigInt(CAPABILITY_NAMES.indexOf(name))) & 1n) === 1n);
}
