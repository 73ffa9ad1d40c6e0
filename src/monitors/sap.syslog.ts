import { defineMonitor, matches, parseMatcher, at, type SapRow } from '../sdk/index.ts'
import { measured, numbersBefore } from './formats/measured.ts'
import { colourOf, spared, unprotected, userNeeded } from './formats/sap.ts'

type Entry = SapRow<'ABAPReadSyslog'>

/**
 * New entries of the system log of an ABAP instance (SM21). What was there at the first run is not new. Entries bear the local time of the
 * host; in the hour that comes twice in autumn new ones are not told from old ones.
 */
export default defineMonitor({
  id: 'sap.syslog',
  title: 'SAP system log',
  summary: 'New red and yellow entries of the system log of an ABAP instance.',
  connector: 'sapcontrol',
  settings: {
    ignored: {
      kind: 'list',
      label: 'Messages to leave aside',
      help: 'By their numbers and texts, such as `R68` or `*logon*`. As in rules: exact, with `*`, or a regular expression between slashes.',
      of: { kind: 'text', label: 'Message', maxLength: 200 },
      maxItems: 200,
      default: [],
    },
  },
  metrics: {
    new_red: { title: 'New red entries since the run before', unit: '' },
    new_yellow: { title: 'New yellow entries since the run before', unit: '' },
    entries: { title: 'Entries that the log holds', unit: '' },
  },
  period: '5m',
  timeout: '30s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'red entries', metric: 'new_red', thresholds: { WARNING: '>= 1', CRITICAL: '>= 10' } },
    { name: 'yellow entries', metric: 'new_yellow', thresholds: { INFO: '>= 10' } },
  ],
  needs: userNeeded('To read the system log.'),
  grant: unprotected('ABAPReadSyslog'),
  thresholdsFrom: 'Our own judgement; the colours are SAP’s own.',
  tryIt:
    '`farwatch check sap.syslog --set host=… --set instance=… --set username=… --set secret=…`; the second run counts what came since the first.',
  check({ ignored }, path) {
    if (ignored.length === 0) return []
    const checked = parseMatcher(ignored, at(path, 'ignored'))
    return checked.ok ? [] : checked.problems
  },
  async collect({ ignored }, { client, signal, previous, remember }) {
    const seen = await client.read('ABAPReadSyslog', signal)
    if (seen.is === 'not asked') {
      remember(previous)
      return spared(seen)
    }
    const { rows } = seen
    const pattern = parseMatcher(ignored, '')
    const counts = ({ MNo, Text }: Entry) =>
      ignored.length === 0 || !pattern.ok || ![MNo ?? '', Text ?? ''].some((text) => matches(pattern.value, text))
    const timed = rows.flatMap((row) => {
      const time = timeOf(row)
      return time === undefined ? [] : [{ row, time }]
    })
    const newest = Math.max(0, ...timed.map(({ time }) => time))
    remember({ newest, atNewest: timed.filter(({ time }) => time === newest).length })
    const before = numbersBefore(previous)
    const fresh = before['newest'] === undefined ? undefined : freshOf(timed, before['newest'], before['atNewest'] ?? 0)
    const red = fresh?.filter((row) => colourOf(row.Severity) === 4 && counts(row))
    const yellow = fresh?.filter((row) => colourOf(row.Severity) === 3 && counts(row))
    const worst = red?.at(-1) ?? yellow?.at(-1)
    return {
      metrics: measured({ new_red: red?.length, new_yellow: yellow?.length, entries: rows.length }),
      message: worst === undefined ? 'nothing new that is red or yellow' : wordsOf(worst),
    }
  },
})

/** Entries later than the newest of the run before, and those of the same second that were not there then. */
function freshOf(timed: readonly { readonly row: Entry; readonly time: number }[], newest: number, atNewest: number) {
  const sameSecond = timed.filter(({ time }) => time === newest).slice(atNewest)
  return [...sameSecond, ...timed.filter(({ time }) => time > newest)].map(({ row }) => row)
}

/** A number that grows with the time that the entry bears, whichever of the usual signs it is written with. */
function timeOf({ Time }: Entry): number | undefined {
  const found = /^(\d{4})\D(\d\d)\D(\d\d)\D(\d\d):(\d\d):(\d\d)/.exec(Time ?? '')
  return found === null ? undefined : Number(found.slice(1).join(''))
}

function wordsOf({ Time, MNo, Text, User, Client, Tcode }: Entry): string {
  const who = [User && `by ${User}`, Client && `in client ${Client}`, Tcode].filter((part) => part).join(' ')
  return `${Time ?? ''} ${MNo ?? ''} ${Text ?? ''}${who === '' ? '' : ` (${who})`}`.slice(0, 900)
}
