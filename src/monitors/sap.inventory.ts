import { defineMonitor, type SapRow } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { spared, targetFacts, unprotected, userNeeded } from './formats/sap.ts'

type Version = SapRow<'GetVersionInfo'>

const mostFiles = 100

/** What an instance is made of. */
export default defineMonitor({
  id: 'sap.inventory',
  title: 'SAP inventory',
  summary: 'Kernel release, patch level and versions of the programs of an instance, and whether they changed.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    kernel: { title: 'Kernel release, such as 753', unit: '' },
    patch: { title: 'Patch level of the kernel', unit: '' },
    releases: { title: 'Different releases among the programs of the instance', unit: '' },
    programs: { title: 'Programs with a version', unit: '' },
    changed: { title: 'Programs whose version is another one than at the run before', unit: '' },
  },
  period: '1d',
  timeout: '30s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { MINOR: '> 0' } },
    { name: 'programs changed', metric: 'changed', thresholds: { INFO: '> 0' } },
    { name: 'mixed kernels', metric: 'releases', thresholds: { WARNING: '> 1' } },
  ],
  needs: userNeeded('To see the versions.'),
  grant: unprotected('GetVersionInfo'),
  thresholdsFrom: 'Our own judgement.',
  tryIt: '`farwatch check sap.inventory --set host=… --set instance=… --set username=… --set secret=…`',
  async collect(_, { client, signal, previous, remember }) {
    const seen = await client.read('GetVersionInfo', signal)
    if (seen.is === 'not asked') {
      remember(previous)
      return spared(seen)
    }
    const properties = await client.read('GetInstanceProperties', signal)
    const text = (name: string) =>
      properties.is === 'answered' ? properties.rows.find(({ property }) => property === name)?.value : undefined
    const rows = seen.rows.slice(0, mostFiles)
    const versions = new Map(rows.map((row) => [programOf(row), (row.VersionInfo ?? '').slice(0, 150)]))
    remember(Object.fromEntries(versions))
    const releases = new Set(rows.flatMap((row) => releaseOf(row)?.release ?? []))
    const main =
      rows.find((row) => /^disp\+work/i.test(programOf(row))) ?? rows.find((row) => releaseOf(row) !== undefined)
    const kernel = main === undefined ? undefined : releaseOf(main)
    const changes = changesOf(previous, versions)
    return {
      metrics: measured({
        kernel: kernel?.release,
        patch: kernel?.patch,
        releases: releases.size === 0 ? undefined : releases.size,
        programs: versions.size,
        changed: changes?.length,
      }),
      facts: targetFacts([
        ...(['SAPSYSTEMNAME', 'INSTANCE_NAME', 'SAPLOCALHOST'] as const).flatMap((name): [string, string][] => {
          const value = text(name)
          return value ? [[name, value]] : []
        }),
        ...versions,
      ]),
      message:
        changes !== undefined && changes.length > 0
          ? `changed: ${changes.join(', ')}`.slice(0, 900)
          : (main?.VersionInfo ?? 'no versions').slice(0, 300),
    }
  },
})

/** The last part of the path, of whichever system. */
function programOf({ Filename }: Version): string {
  return (Filename ?? '').split(/[/\\]/).at(-1)!.slice(0, 150) || 'unnamed'
}

/** `753, patch 819, changelist 2049834, …` */
function releaseOf({ VersionInfo }: Version): { readonly release: number; readonly patch: number } | undefined {
  const found = /^\s*(\d{3,4}), patch (\d{1,6})\b/.exec(VersionInfo ?? '')
  return found === null ? undefined : { release: Number(found[1]), patch: Number(found[2]) }
}

function changesOf(previous: unknown, versions: ReadonlyMap<string, string>): string[] | undefined {
  if (typeof previous !== 'object' || previous === null) return undefined
  const before = new Map<string, unknown>(Object.entries(previous))
  return [...versions].flatMap(([name, version]) => (before.has(name) && before.get(name) !== version ? [name] : []))
}
