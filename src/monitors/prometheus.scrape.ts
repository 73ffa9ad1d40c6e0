import {
  at,
  defineMonitor,
  matches,
  parseMatcher,
  type HttpAnswerSeen,
  type HttpRequest,
  type Matcher,
  type Problem,
  type Sample,
  TargetError,
} from '../sdk/index.ts'
import { parseExposition, type ExposedSample, type Exposition } from './formats/exposition.ts'

const metrics = {
  scrape_duration: { title: 'Time until the whole answer was there', unit: 'ms' },
  scrape_samples: { title: 'Values taken', unit: '' },
  scrape_samples_exposed: { title: 'Values that the exporter offers', unit: '' },
  scrape_size: { title: 'Size of the answer, unpacked', unit: 'B' },
  scrape_lines_skipped: { title: 'Lines that could not be read', unit: '' },
} as const

const accepts =
  'application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.6,text/plain;q=0.4,*/*;q=0.1'

/**
 * Any exporter. The text format is read leniently, as exporters write it; OpenMetrics strictly, as its specification demands of a receiver.
 *
 * What the values mean only the user knows, so the default rules judge the scrape itself; 10 s is the usual limit of a scrape.
 */
export default defineMonitor({
  id: 'prometheus.scrape',
  title: 'Prometheus exporter',
  summary: 'Takes metrics from any exporter (Prometheus text or OpenMetrics), chosen by name and label.',
  connector: 'http',
  settings: {
    path: {
      kind: 'text',
      label: 'Path',
      help: 'Added to the connector’s URL.',
      pattern: '[/?].*|',
      default: '/metrics',
    },
    include: {
      kind: 'list',
      label: 'Metrics taken',
      help: 'Names: `node_load*`, `/^node_(cpu|disk)_/`. Choose what is needed: an exporter may offer thousands.',
      of: { kind: 'text', label: 'Name or pattern' },
      maxItems: 200,
      default: ['*'],
      candidates: true,
    },
    exclude: {
      kind: 'list',
      label: 'Metrics left out',
      help: 'Names, as above. Left out by default: what a program says about its own language runtime.',
      of: { kind: 'text', label: 'Name or pattern' },
      maxItems: 200,
      default: ['go_*', 'promhttp_*'],
      candidates: true,
    },
    labels: {
      kind: 'map',
      label: 'Only with these labels',
      help: 'Label name: pattern. A series must match all of them; one without the label has an empty value there.',
      keyPattern: '[a-zA-Z_][a-zA-Z0-9_]*',
      maxItems: 50,
      default: {},
    },
    dropLabels: {
      kind: 'map',
      label: 'Not with these labels',
      help: 'Label name: pattern. A series that matches one of them is left out.',
      keyPattern: '[a-zA-Z_][a-zA-Z0-9_]*',
      maxItems: 50,
      default: {},
    },
    maxSeries: {
      kind: 'number',
      label: 'Most series',
      help: 'More than these are a failed run, and none is taken: half of the truth would look like the whole.',
      integer: true,
      min: 1,
      max: 20_000,
      default: 2_000,
    },
    maxBody: { kind: 'size', label: 'Largest answer', default: '16MiB', min: '1KiB', max: '128MiB' },
    reuseConnection: { kind: 'flag', label: 'Keep the connection', default: true },
  },
  metrics,
  openMetrics: 'Those that the exporter offers and `include` takes, with their labels.',
  period: '30s',
  timeout: '10s',
  optIn: 'It reads everything that an exporter shows, and fails where the connector leads to a page.',
  tested: 'real server',
  needs: 'Nothing where the exporter is open; else a credential that may read its metrics.',
  thresholdsFrom:
    'Our own judgement: a scrape of 10 s is as long as most are allowed to take. What an exporter shows has no thresholds until somebody gives it rules.',
  tryIt:
    '`farwatch check prometheus.scrape --set url=http://localhost:9100/`; `--set path=/nothing` raises “no metrics”.',
  rules: [
    { name: 'no metrics', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'nothing taken', metric: 'scrape_samples', thresholds: { WARNING: '< 1' } },
    { name: 'slow scrape', metric: 'scrape_duration', thresholds: { WARNING: '> 5s', MAJOR: '> 10s' }, for: '5m' },
    { name: 'unreadable lines', metric: 'scrape_lines_skipped', thresholds: { WARNING: '> 0' }, for: '5m' },
  ],
  check(settings, path) {
    const selection = readSelection(settings, path)
    return Array.isArray(selection) ? selection : []
  },
  async candidates(settings, { client, signal }) {
    const exposed = readAnswer(await client.request(requestOf(settings), signal))
    if ('wrong' in exposed) throw new TargetError('protocol', `${client.url}: ${exposed.wrong}`)
    const names = exposed.samples.map(({ name }) => name)
    return { include: names, exclude: names }
  },
  async collect(settings, { client, signal }) {
    const selection = readSelection(settings, 'settings')
    if (Array.isArray(selection))
      throw new TargetError('configuration', selection[0]?.message ?? 'the selection is wrong')
    const answer = await client.request(requestOf(settings), signal)
    const own = { scrape_duration: answer.phases.total, scrape_size: answer.body.length }
    const exposed = readAnswer(answer)
    if ('wrong' in exposed)
      return { metrics: own, failure: { reason: 'protocol', message: `${client.url}: ${exposed.wrong}` } }
    const taken = exposed.samples.filter((one) => selected(one, selection))
    const counted = {
      ...own,
      scrape_samples_exposed: exposed.samples.length,
      scrape_lines_skipped: exposed.skipped,
    }
    if (taken.length > settings.maxSeries) {
      return {
        metrics: counted,
        failure: {
          reason: 'too large',
          message: `${client.url} offers ${taken.length} series of those chosen; at most ${settings.maxSeries} are allowed`,
        },
      }
    }
    return {
      metrics: { ...counted, scrape_samples: taken.length },
      more: taken.map(({ name, labels, value, counter }): Sample => ({
        name,
        labels,
        value,
        ...(counter ? { kind: 'counter' as const } : {}),
      })),
      message: `${taken.length} of ${exposed.samples.length} values${exposed.problem === undefined ? '' : `; ${exposed.problem}`}`,
    }
  },
})

function requestOf(settings: {
  readonly path: string
  readonly maxBody: number
  readonly reuseConnection: boolean
}): HttpRequest {
  return {
    path: settings.path,
    headers: { accept: accepts, 'accept-encoding': 'gzip' },
    maxBodyBytes: settings.maxBody,
    maxRedirects: 3,
    reuseConnection: settings.reuseConnection,
  }
}

interface Selection {
  readonly include: Matcher
  readonly exclude: Matcher | undefined
  readonly labels: readonly (readonly [string, Matcher])[]
  readonly dropLabels: readonly (readonly [string, Matcher])[]
}

function readSelection(
  settings: {
    readonly include: readonly string[]
    readonly exclude: readonly string[]
    readonly labels: Readonly<Record<string, string>>
    readonly dropLabels: Readonly<Record<string, string>>
  },
  path: string,
): Selection | Problem[] {
  const problems: Problem[] = []
  const everything: Matcher = { any: [], none: [] }
  const read = (given: string | readonly string[], place: string): Matcher => {
    const checked = parseMatcher(given, place)
    if (checked.ok) return checked.value
    problems.push(...checked.problems)
    return everything
  }
  const readAll = (given: Readonly<Record<string, string>>, place: string) =>
    Object.entries(given).map(([name, pattern]) => [name, read(pattern, at(place, name))] as const)
  const selection: Selection = {
    include: settings.include.length === 0 ? everything : read(settings.include, `${path}.include`),
    exclude: settings.exclude.length === 0 ? undefined : read(settings.exclude, `${path}.exclude`),
    labels: readAll(settings.labels, `${path}.labels`),
    dropLabels: readAll(settings.dropLabels, `${path}.dropLabels`),
  }
  return problems.length > 0 ? problems : selection
}

function selected({ name, labels, value }: ExposedSample, selection: Selection): boolean {
  // NaN and infinity mean "no value": the last bucket's bound is a label, not a value.
  if (!Number.isFinite(value) || name in metrics || name === 'failed') return false
  return (
    matches(selection.include, name) &&
    !(selection.exclude !== undefined && matches(selection.exclude, name)) &&
    selection.labels.every(([label, matcher]) => matches(matcher, labels[label] ?? '')) &&
    !selection.dropLabels.some(([label, matcher]) => matches(matcher, labels[label] ?? ''))
  )
}

function readAnswer(answer: HttpAnswerSeen): Exposition | { readonly wrong: string } {
  if (answer.status !== 200) return { wrong: `the status is ${answer.status}, not 200` }
  const openMetrics = /^\s*application\/openmetrics-text\b/i.test(answer.headers['content-type'] ?? '')
  try {
    const read = parseExposition(answer.text(), openMetrics ? 'openmetrics' : 'text')
    return read.samples.length === 0 && read.skipped > 0
      ? { wrong: `the answer is no exposition of metrics (${read.problem ?? 'nothing can be read'})` }
      : read
  } catch (thrown) {
    return { wrong: `the answer is not OpenMetrics: ${thrown instanceof Error ? thrown.message : 'it cannot be read'}` }
  }
}
