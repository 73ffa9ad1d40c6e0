import { defineMonitor, TargetError, type SshClient } from '../sdk/index.ts'
import { itemsOf } from './formats/measured.ts'
import { sectionsOf, sectionsScript } from './formats/sections.ts'
import { excludeSetting, selectionProblems, selects } from './formats/selection.ts'
import { sshGrant } from './formats/ssh-account.ts'
import { parseListedUnits, parseShownUnits } from './formats/systemctl.ts'

const script = sectionsScript({
  state: 'systemctl is-system-running',
  failed: 'systemctl list-units --failed --all --plain --no-legend --no-pager',
})
const listScript = sectionsScript({
  units: 'systemctl list-units --type=service,timer,mount --all --plain --no-legend --no-pager',
})

/** Units of systemd. A failed one is an item as long as it has failed, so that its alarm ends with its failure. */
export default defineMonitor({
  id: 'host.linux.units',
  title: 'Services of a Linux machine',
  summary:
    'Failed units of systemd on a Linux machine by SSH, and whether chosen ones are active and how often they restart.',
  connector: 'ssh',
  settings: {
    units: {
      kind: 'list',
      label: 'Units that must be active',
      help: 'Full names, such as `nginx.service`. A service without a suffix is meant as `.service`.',
      of: { kind: 'text', label: 'Unit', maxLength: 255, pattern: '[A-Za-z0-9:_.\\\\@][A-Za-z0-9:_.\\\\@\\-]*' },
      maxItems: 200,
      default: [],
      candidates: true,
    },
    excludeFailed: { ...excludeSetting('Failed units left out', 'By name.'), candidates: true },
  },
  metrics: {
    failed_units: { title: 'Units that have failed', unit: '' },
    unit_failed: { title: 'A unit that has failed (1)', unit: '', items: ['unit'] },
    unit_active: { title: 'A chosen unit is active (1) or not (0)', unit: '', items: ['unit'] },
    unit_restarts: {
      title: 'Restarts of a chosen unit by systemd',
      unit: '',
      kind: 'counter',
      items: ['unit'],
    },
  },
  period: '1m',
  timeout: '15s',
  tested: 'schema only',
  thresholdsFrom: 'Our own judgement: a failed unit is a WARNING, a chosen one that is not active is CRITICAL.',
  rules: [
    { name: 'cannot measure', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'unit failed', metric: 'unit_failed', thresholds: { WARNING: '> 0' } },
    { name: 'unit not active', metric: 'unit_active', thresholds: { CRITICAL: '== 0' } },
  ],
  needs: 'An account that may sign in by SSH to a machine with systemd. Nothing more: anybody may list units.',
  grant: sshGrant,
  tryIt:
    'On the host: `systemd-run --unit=broken false` makes a failed unit, `systemctl reset-failed broken` takes it away.',
  check: ({ excludeFailed }, path) => selectionProblems({ excludeFailed }, path),
  async candidates(_, { client, signal }) {
    const { stdout } = await client.run({ words: ['sh', '-c', listScript], maxOutputBytes: 1024 * 1024 }, signal)
    const units = parseListedUnits(sectionsOf(stdout).get('units') ?? '').map(({ unit }) => unit)
    return { units, excludeFailed: units }
  },
  async collect({ units, excludeFailed }, { client, signal }) {
    const { stdout } = await client.run({ words: ['sh', '-c', script], maxOutputBytes: 512 * 1024 }, signal)
    const section = sectionsOf(stdout)
    const state = section.get('state')?.trim() ?? ''
    if (state === '' || state === 'offline')
      throw new TargetError(
        'configuration',
        `${client.target} is not run by systemd, or does not let this account ask it`,
      )
    const isLeftOut = excludeFailed.length === 0 ? () => false : selects(excludeFailed, [])
    const failed = parseListedUnits(section.get('failed') ?? '')
      .filter(({ unit, active }) => active === 'failed' && !isLeftOut(unit))
      .slice(0, 500)
    const chosen = units.length === 0 ? [] : await shown(client, units, signal)
    const labels = ({ unit }: { readonly unit: string }) => ({ unit })
    const down = chosen.filter(({ active }) => !active)
    const words = [
      ...(failed.length === 0 ? [] : [`failed: ${failed.map(({ unit }) => unit).join(', ')}`]),
      ...(down.length === 0 ? [] : [`not active: ${down.map(({ unit, state: is }) => `${unit} (${is})`).join(', ')}`]),
    ]
    return {
      metrics: {
        failed_units: failed.length,
        unit_failed: itemsOf(failed, labels, () => 1),
        unit_active: itemsOf(chosen, labels, ({ active }) => (active ? 1 : 0)),
        unit_restarts: itemsOf(chosen, labels, ({ restarts }) => restarts),
      },
      facts: { state: state.slice(0, 40) },
      ...(words.length === 0 ? {} : { message: words.join('; ').slice(0, 800) }),
    }
  },
})

async function shown(client: SshClient, units: readonly string[], signal: AbortSignal) {
  const properties = '--property=Id,Names,LoadState,ActiveState,SubState,NRestarts'
  const { stdout } = await client.run(
    { words: ['systemctl', 'show', '--no-pager', properties, '--', ...units], maxOutputBytes: 512 * 1024 },
    signal,
  )
  const found = parseShownUnits(stdout)
  return units.map((unit) => {
    const name = /\.[a-z]+$/.test(unit) ? unit : `${unit}.service`
    const one = found.find(({ names }) => names.includes(name))
    const state = one === undefined ? 'unknown' : one.load === 'not-found' ? 'not found' : one.active
    return { unit, active: state === 'active' || state === 'reloading', state, restarts: one?.restarts }
  })
}
