import { defineMonitor, TargetError, type SshClient } from '../sdk/index.ts'
import { parseDf, type DfLine } from './formats/df.ts'
import { dataFileSystems, distinctFileSystems } from './formats/machine.ts'
import { itemsOf, shareOf } from './formats/measured.ts'
import { parseMountinfo } from './formats/proc.ts'
import { sectionsOf, sectionsScript } from './formats/sections.ts'
import { excludeSetting, includeSetting, selectionProblems, selects } from './formats/selection.ts'
import { sshGrant } from './formats/ssh-account.ts'

/** Local ones alone: a network drive whose server is gone would let df wait for ever. */
const script = sectionsScript({
  mounts: 'cat /proc/self/mountinfo',
  space: 'df -kP -l || df -kP',
  inodes: 'df -iP -l || df -iP',
})

/** The file systems of a Linux machine by SSH. Apart from the other figures, for this one may have to wait for a disk. */
export default defineMonitor({
  id: 'host.linux.filesystems',
  title: 'File systems of a Linux machine',
  summary: 'Space and inodes of each file system of a Linux machine by SSH, and whether it has become read-only.',
  connector: 'ssh',
  settings: {
    mounts: { ...includeSetting('Mount points', 'Of local file systems.'), candidates: true },
    excludeMounts: {
      ...excludeSetting('Mount points left out', 'Of local file systems.'),
      default: ['/snap/*', '/var/lib/docker/*', '/var/lib/containers/*', '/run/*'],
      candidates: true,
    },
    further: {
      kind: 'list',
      label: 'Further mount points',
      help: 'Network drives, for example. One that does not answer costs the run.',
      of: { kind: 'text', label: 'Mount point', pattern: '/.*', maxLength: 1_000 },
      maxItems: 50,
      default: [],
      candidates: true,
    },
  },
  metrics: {
    filesystem_used: { title: 'File system in use', unit: '%', items: ['mount'] },
    filesystem_available: { title: 'Space that users can still have', unit: 'B', items: ['mount'] },
    filesystem_size: { title: 'Size of the file system', unit: 'B', items: ['mount'] },
    filesystem_readonly: { title: 'Mounted read-only (1) or not (0)', unit: '', items: ['mount'] },
    inodes_used: { title: 'Inodes in use', unit: '%', items: ['mount'] },
  },
  period: '2m',
  timeout: '20s',
  tested: 'real server',
  thresholdsFrom: 'File systems and inodes 85 and 95 %, as in the common sets for node_exporter.',
  rules: [
    { name: 'cannot measure', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'file system full', metric: 'filesystem_used', thresholds: { WARNING: '> 85%', CRITICAL: '> 95%' } },
    { name: 'inodes used up', metric: 'inodes_used', thresholds: { WARNING: '> 85%', CRITICAL: '> 95%' } },
  ],
  needs: 'An account that may sign in by SSH. A mount point below a directory that it may not enter is left out.',
  grant: sshGrant,
  tryIt: 'On the host: `fallocate -l 5G /var/tmp/full`, and remove the file again.',
  check: ({ mounts, excludeMounts }, path) => selectionProblems({ mounts, excludeMounts }, path),
  async candidates(_, { client, signal }) {
    const listed = parseMountinfo((await ask(client, signal)).get('mounts') ?? '')
    const local = listed.filter(({ type }) => dataFileSystems.has(type)).map(({ mount }) => mount)
    const remote = listed.filter(({ type }) => /^(nfs|cifs|smb|ceph|gluster|fuse)/.test(type)).map(({ mount }) => mount)
    return { mounts: local, excludeMounts: local, further: remote }
  },
  async collect({ mounts, excludeMounts, further }, { client, signal }) {
    const section = await ask(client, signal)
    const listed = parseMountinfo(section.get('mounts') ?? '')
    const space = byMount(section.get('space') ?? '')
    const inodes = byMount(section.get('inodes') ?? '')
    if (space.size === 0) throw new TargetError('protocol', `${client.target} shows no file systems: df says nothing`)
    const chosen = distinctFileSystems(listed, selects(mounts, excludeMounts)).map(({ mount }) => mount)
    if (further.length > 0) {
      const own = await client.run({ words: ['df', '-kP', '--', ...further], maxOutputBytes: 256 * 1024 }, signal)
      for (const line of parseDf(own.stdout)) {
        space.set(line.mount, line)
        if (!chosen.includes(line.mount)) chosen.push(line.mount)
      }
    }
    const all = chosen.slice(0, 500).flatMap((mount) => {
      const line = space.get(mount)
      return line === undefined ? [] : [{ mount, space: line, inodes: inodes.get(mount) }]
    })
    const labels = ({ mount }: { readonly mount: string }) => ({ mount })
    const readOnly = new Map(listed.map((one) => [one.mount, one.readOnly]))
    return {
      metrics: {
        filesystem_used: itemsOf(all, labels, ({ space: one }) => usedOf(one)),
        filesystem_available: itemsOf(all, labels, ({ space: one }) => bytes(one.available)),
        filesystem_size: itemsOf(all, labels, ({ space: one }) => bytes(one.size)),
        filesystem_readonly: itemsOf(all, labels, ({ mount }) => {
          const flag = readOnly.get(mount)
          return flag === undefined ? undefined : flag ? 1 : 0
        }),
        inodes_used: itemsOf(all, labels, (one) => shareOf(one.inodes?.used, one.inodes?.size)),
      },
    }
  },
})

async function ask(client: SshClient, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await client.run({ words: ['sh', '-c', script], maxOutputBytes: 1024 * 1024 }, signal)
  return sectionsOf(stdout)
}

function byMount(text: string): Map<string, DfLine> {
  return new Map(parseDf(text).map((line) => [line.mount, line]))
}

/** As df counts: what is kept for the superuser is neither used nor available. */
function usedOf({ used, available }: DfLine): number | undefined {
  if (used === undefined || available === undefined || used < 0) return undefined
  return used + available <= 0 ? 100 : Math.min(100, (100 * used) / (used + Math.max(0, available)))
}

function bytes(kibibytes: number | undefined): number | undefined {
  return kibibytes === undefined ? undefined : Math.max(0, kibibytes) * 1024
}
