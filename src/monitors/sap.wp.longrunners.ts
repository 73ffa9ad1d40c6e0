import { at, defineMonitor, matches, parseMatcher } from '../sdk/index.ts'
import { itemsByKey, secondsOf, spared, targetFacts, unprotected, userNeeded } from './formats/sap.ts'

/** The work process of each type that has been at one thing the longest. */
export default defineMonitor({
  id: 'sap.wp.longrunners',
  title: 'SAP long runners',
  summary:
    'How long the work processes of an ABAP instance have been at one thing, with the program and user of the longest.',
  connector: 'sapcontrol',
  settings: {
    ignoredPrograms: {
      kind: 'list',
      label: 'Programs that may run for ever',
      help: 'As in rules: exact, with `*`, or a regular expression between slashes.',
      of: { kind: 'text', label: 'Program', maxLength: 200 },
      maxItems: 200,
      default: [],
    },
  },
  metrics: {
    longest: { title: 'Longest time at one thing', unit: 's', items: ['type'] },
    over_ten_minutes: { title: 'Work processes at one thing for more than ten minutes', unit: '', items: ['type'] },
  },
  period: '1m',
  timeout: '15s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    {
      name: 'long dialog step',
      metric: 'longest',
      items: { type: 'DIA' },
      thresholds: { WARNING: '> 600s', CRITICAL: '> 1800s' },
    },
    {
      name: 'long update',
      metric: 'longest',
      items: { type: 'UPD, UP2' },
      thresholds: { WARNING: '> 300s', CRITICAL: '> 900s' },
    },
  ],
  needs: userNeeded('To see the work processes.'),
  grant: unprotected('ABAPGetWPTable'),
  thresholdsFrom: 'Our own judgement; a dialog step ends by itself at rdisp/max_wprun_time, 600 s by default.',
  tryIt:
    'Run a report that waits in the foreground of a test instance, then: `farwatch check sap.wp.longrunners --set host=… --set username=… --set secret=…`',
  check({ ignoredPrograms }, path) {
    if (ignoredPrograms.length === 0) return []
    const checked = parseMatcher(ignoredPrograms, at(path, 'ignoredPrograms'))
    return checked.ok ? [] : checked.problems
  },
  async collect({ ignoredPrograms }, { client, signal }) {
    const seen = await client.read('ABAPGetWPTable', signal)
    if (seen.is === 'not asked') return spared(seen)
    const ignored = parseMatcher(ignoredPrograms, '')
    const isIgnored = (program: string) => ignoredPrograms.length > 0 && ignored.ok && matches(ignored.value, program)
    const longest = new Map<string, number>()
    const over = new Map<string, number>()
    const words = new Map<string, string>()
    for (const { Typ, No, Status, Time, Program, User, Action } of seen.rows) {
      const type = (Typ ?? '').slice(0, 20) || 'unknown'
      if (!longest.has(type)) longest.set(type, 0)
      if (!over.has(type)) over.set(type, 0)
      const seconds = /^wait/i.test(Status ?? '') || isIgnored(Program ?? '') ? undefined : secondsOf(Time)
      if (seconds === undefined) continue
      if (seconds > 600) over.set(type, (over.get(type) ?? 0) + 1)
      if (seconds <= (longest.get(type) ?? 0)) continue
      longest.set(type, seconds)
      const doing = [Program, User && `by ${User}`, Action && `(${Action})`].filter((part) => part).join(' ')
      words.set(type, `${type} ${No ?? '?'} for ${seconds} s: ${doing || 'nothing that it says'}`.slice(0, 300))
    }
    const facts = targetFacts([...words].map(([type, text]) => [`longest ${type}`, text]))
    const worst = [...longest].sort((a, b) => b[1] - a[1])[0]?.[0] ?? ''
    return {
      metrics: { longest: itemsByKey(longest, 'type'), over_ten_minutes: itemsByKey(over, 'type') },
      facts,
      message: words.get(worst) ?? 'nothing runs for long',
    }
  },
})
