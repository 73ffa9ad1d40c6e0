import { Button, NativeSelect, Switch, TextInput } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useDebouncedValue } from '@mantine/hooks'
import { useId, type ReactNode } from 'react'
import type { JudgedSample } from '../../../src/contract/index.ts'
import type { RuleDocument, Severity } from '../../../src/model/index.ts'
import { call } from '../api/call.ts'
import { formatValue } from '../format/values.ts'
import type { MonitorType } from '../model/object-draft.ts'
import {
  closeRule,
  compareRules,
  moveIn,
  onlyMetric,
  openRule,
  ruleText,
  metricText,
  thresholdSeverities,
  withSteps,
  type RuleChange,
  type RuleDraft,
} from '../model/rules.ts'
import { texts } from '../texts.ts'
import { IconButton } from './icon-button.tsx'
import { SeverityMark } from './marks.tsx'
import { FieldGroup, PairsEditor, type FieldProblem } from './settings-form.tsx'
import { Failure } from './states.tsx'

const words = texts.config.rules

/** What a run measured: what there is to choose from. The first sample is the run itself. */
export interface Measured {
  readonly samples: readonly JudgedSample[]
}

/** The rows of a monitor's declaration, as people write them. */
export function rowsIn(monitor: Pick<MonitorType, 'rules'>): readonly RuleDocument[] {
  // The declaration's own rows, of which the contract says no more than that they are JSON.
  return monitor.rules as readonly RuleDocument[]
}

interface EditorProps {
  readonly monitor: MonitorType
  /** Undefined: the table of the monitor's declaration. */
  readonly rows: readonly RuleDraft[] | undefined
  readonly measured: Measured | undefined
  /** Of the whole object; those of the table begin with `rules`. */
  readonly problems: readonly FieldProblem[]
  readonly disabled: boolean
  readonly onChange: (rows: readonly RuleDraft[] | undefined) => void
}

/** The surveillance table: as the monitor brings it, or one's own, and what an own one changes. */
export function RulesEditor(props: EditorProps): ReactNode {
  const { monitor, rows, measured, problems, disabled, onChange } = props
  const own = rowsIn(monitor)
  const table = rows === undefined ? own : rows.map(closeRule)
  const preview = usePreview(monitor, table, measured)
  const changes = rows === undefined ? [] : compareRules(own, table)
  const missing = changes.filter(({ is }) => is === 'removed')
  const onTable = problems.filter(({ path }) => path === 'rules')
  return (
    <FieldGroup
      label={words.title}
      description={rows === undefined ? words.defaultHint : words.ownHint}
      problems={onTable}
    >
      {preview.error === null ? null : <Failure error={preview.error} title={words.previewFailed} />}
      {rows === undefined ? (
        <>
          <ol className="rule-list">
            {own.map((rule, i) => (
              <li key={i} className="rule-card rule-shown">
                <RuleLine rule={rule} />
                <Taken samples={preview.data} row={i} />
              </li>
            ))}
          </ol>
          <div className="list-acts">
            <Button size="xs" variant="default" disabled={disabled} onClick={() => onChange(own.map(openRule))}>
              {words.change}
            </Button>
          </div>
        </>
      ) : (
        <>
          <ol className="rule-list">
            {rows.map((row, i) => (
              <li key={row.id} className="rule-card">
                <RuleRow
                  monitor={monitor}
                  row={row}
                  place={i}
                  last={rows.length - 1}
                  change={changes[i]}
                  measured={measured}
                  preview={preview.data}
                  problems={problems.flatMap((one) =>
                    one.path === `rules[${i}]` || one.path.startsWith(`rules[${i}].`)
                      ? [{ ...one, path: one.path.slice(`rules[${i}]`.length).replace(/^\./, '') }]
                      : [],
                  )}
                  disabled={disabled}
                  onChange={(next) => onChange(rows.map((one, at) => (at === i ? next : one)))}
                  onMove={(to) => onChange(moveIn(rows, i, to))}
                  onRemove={() => onChange(rows.filter((_, at) => at !== i))}
                />
              </li>
            ))}
          </ol>
          {rows.length === 0 ? <p className="quiet">{words.judgesNothing}</p> : null}
          {missing.length === 0 ? null : (
            <div className="rules-missing">
              <span className="label-line">{words.leftOut}</span>
              {missing.map(({ rule }, i) => (
                <div key={i} className="rule-missing">
                  <RuleLine rule={rule} />
                  <Button
                    size="compact-xs"
                    variant="default"
                    disabled={disabled}
                    onClick={() => onChange([...rows, openRule(rule)])}
                  >
                    {words.takeBack}
                  </Button>
                </div>
              ))}
            </div>
          )}
          <div className="list-acts">
            <Button
              size="xs"
              variant="default"
              disabled={disabled}
              onClick={() =>
                onChange([...rows, openRule({ metric: monitor.metrics[0]?.name ?? 'failed', thresholds: {} })])
              }
            >
              {words.add}
            </Button>
            <Button size="xs" variant="subtle" color="gray" disabled={disabled} onClick={() => onChange(undefined)}>
              {words.backToDefault}
            </Button>
          </div>
        </>
      )}
      {preview.data === undefined ? null : <Untaken samples={preview.data} />}
    </FieldGroup>
  )
}

const typingRestMs = 400

/** Which row takes what, of what was measured; asked again when the table has rested for a moment. */
function usePreview(monitor: MonitorType, table: readonly RuleDocument[], measured: Measured | undefined) {
  const [rested] = useDebouncedValue(table, typingRestMs)
  const samples = (measured?.samples ?? [])
    .slice(1)
    .map(({ name, labels, value, unit }) => ({ name, labels, value, unit }))
  return useQuery({
    queryKey: ['configuration', 'preview', monitor.id, rested, samples],
    queryFn: async ({ signal }) => {
      const answer = await call('previewRules', { body: { monitor: monitor.id, rules: rested, samples }, signal })
      return answer.samples
    },
    enabled: measured !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
    refetchInterval: false,
  })
}

/** A row that is only looked at. */
export function RuleLine({ rule }: { rule: RuleDocument }): ReactNode {
  const items = Object.entries(rule.items ?? {})
  return (
    <span className="rule-line">
      <strong>{rule.name ?? metricText(rule.metric)}</strong>
      {rule.name === undefined ? null : <code>{metricText(rule.metric)}</code>}
      {items.map(([label, matcher]) => (
        <code key={label}>
          {label}={metricText(matcher)}
        </code>
      ))}
      <span className="dim">{ruleText(rule)}</span>
      {rule.alarm === false ? <span className="dim">{words.noAlarm}</span> : null}
    </span>
  )
}

const chipsShown = 8

function Taken({ samples, row }: { samples: readonly JudgedSample[] | undefined; row: number }): ReactNode {
  if (samples === undefined) return null
  const taken = samples.flatMap((sample) => {
    const found = sample.rows.find((one) => one.row === row)
    return found === undefined ? [] : [{ sample, severity: found.severity }]
  })
  return (
    <div className="rule-taken">
      <span className={taken.length === 0 ? 'bad' : 'dim'}>{words.takes(taken.length)}</span>
      {taken.slice(0, chipsShown).map(({ sample, severity }, i) => (
        <span key={i} className="tag">
          {itemName(sample)} {formatValue(sample.value, sample.unit)}{' '}
          {severity === null || severity === 'CLEAR' ? null : <SeverityMark of={severity} />}
        </span>
      ))}
      {taken.length > chipsShown ? <span className="dim">{words.andMore(taken.length - chipsShown)}</span> : null}
    </div>
  )
}

function Untaken({ samples }: { samples: readonly JudgedSample[] }): ReactNode {
  const names = [...new Set(samples.slice(1).flatMap((one) => (one.rows.length === 0 ? [itemName(one)] : [])))]
  if (names.length === 0) return null
  const some = names.slice(0, 20).join(', ')
  return (
    <p className="quiet">
      {words.untaken(names.length)} {some}
      {names.length > 20 ? ' …' : ''}
    </p>
  )
}

function itemName({ name, labels }: JudgedSample): string {
  const values = Object.entries(labels).map(([label, value]) => `${label}=${value}`)
  return values.length === 0 ? name : `${name}{${values.join(', ')}}`
}

interface RowProps {
  readonly monitor: MonitorType
  readonly row: RuleDraft
  readonly place: number
  readonly last: number
  readonly change: RuleChange | undefined
  readonly measured: Measured | undefined
  readonly preview: readonly JudgedSample[] | undefined
  /** With paths within the row. */
  readonly problems: readonly FieldProblem[]
  readonly disabled: boolean
  readonly onChange: (row: RuleDraft) => void
  readonly onMove: (to: number) => void
  readonly onRemove: () => void
}

function RuleRow(props: RowProps): ReactNode {
  const { monitor, row, place, last, change, measured, preview, problems, disabled, onChange, onMove, onRemove } = props
  const id = useId()
  const metric = onlyMetric(row.metric, monitor.metrics)
  const seen = (measured?.samples ?? []).slice(1)
  const metrics = [...new Set([...monitor.metrics.map(({ name }) => name), 'failed', ...seen.map(({ name }) => name)])]
  const labels = [
    ...new Set([
      ...(metric?.items ?? monitor.metrics.flatMap(({ items }) => items)),
      ...seen.flatMap((one) => Object.keys(one.labels)),
    ]),
  ]
  const title = row.name === undefined || row.name === '' ? row.metric : row.name
  const problem = (field: string): ReactNode => {
    const found = problems.filter(
      ({ path }) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`),
    )
    return found.length === 0 ? undefined : found.map(({ message, hint }) => [message, hint].join(' ')).join('; ')
  }
  const whole = problems.filter(({ path }) => path === '')
  const hold = row.for !== undefined ? 'for' : row.of !== undefined ? 'of' : 'once'
  const set = (part: Partial<RuleDraft>): void => onChange({ ...row, ...part })
  const field = (label: string, key: 'name' | 'message', more: { readonly description?: string } = {}): ReactNode => (
    <TextInput
      label={label}
      value={row[key] ?? ''}
      disabled={disabled}
      error={problem(key)}
      spellCheck={key === 'message'}
      onChange={(event) => set({ [key]: event.currentTarget.value })}
      {...more}
    />
  )
  return (
    <div role="group" aria-label={words.rowOf(place + 1, title)}>
      <div className="rule-head">
        <span className="rule-number">{place + 1}</span>
        <strong className="grow break">{title}</strong>
        {change === undefined || change.is === 'removed' ? null : (
          <span className={`mark act-${change.is === 'added' ? 'add' : change.is === 'changed' ? 'change' : 'same'}`}>
            {words.is[change.is]}
          </span>
        )}
        <IconButton
          icon="up"
          label={words.up(title)}
          disabled={disabled || place === 0}
          onClick={() => onMove(place - 1)}
        />
        <IconButton
          icon="down"
          label={words.down(title)}
          disabled={disabled || place === last}
          onClick={() => onMove(place + 1)}
        />
        <IconButton icon="remove" label={words.remove(title)} disabled={disabled} onClick={onRemove} />
      </div>
      {change?.is === 'changed' ? (
        <p className="quiet">
          {words.before} <RuleLine rule={change.before} />
        </p>
      ) : null}
      {whole.map(({ message, hint }, i) => (
        <p key={i} className="bad" role="alert">
          {message} <span className="hint">{hint}</span>
        </p>
      ))}
      <datalist id={id}>
        {metrics.slice(0, 1_000).map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <div className="rule-fields">
        <TextInput
          label={words.metric}
          description={metric === undefined ? words.metricHint : `${metric.title}${unitText(metric)}`}
          value={row.metric}
          disabled={disabled}
          list={id}
          error={problem('metric')}
          spellCheck={false}
          autoCapitalize="none"
          onChange={(event) => set({ metric: event.currentTarget.value })}
        />
        {field(words.name, 'name', { description: words.nameHint })}
      </div>
      {typeof row.thresholds === 'string' ? (
        <TextInput
          label={words.steps}
          description={words.stepsHint}
          value={row.thresholds}
          disabled={disabled}
          error={problem('thresholds')}
          onChange={(event) => set({ thresholds: event.currentTarget.value })}
        />
      ) : (
        <Thresholds row={row} problem={problem} disabled={disabled} onChange={set} />
      )}
      <div className="rule-fields">
        <NativeSelect
          label={words.hold}
          value={hold}
          disabled={disabled}
          onChange={(event) => {
            const { for: _for, of: _of, ...rest } = row
            const is = event.currentTarget.value
            onChange(is === 'for' ? { ...rest, for: '1m' } : is === 'of' ? { ...rest, of: '3 of 5' } : rest)
          }}
          data={[
            { value: 'once', label: words.holds.once },
            { value: 'for', label: words.holds.for },
            { value: 'of', label: words.holds.of },
          ]}
        />
        {hold === 'once' ? null : (
          <TextInput
            label={hold === 'for' ? words.holdFor : words.holdOf}
            value={(hold === 'for' ? row.for : row.of) ?? ''}
            disabled={disabled}
            error={problem(hold)}
            onChange={(event) => set({ [hold]: event.currentTarget.value })}
          />
        )}
        {field(words.message, 'message')}
      </div>
      {labels.length === 0 && row.items.length === 0 ? null : (
        <FieldGroup
          label={words.items}
          description={words.itemsHint}
          problems={problems.filter(({ path }) => path.startsWith('items'))}
        >
          <PairsEditor
            pairs={row.items}
            nameLabel={words.label}
            valueLabel={words.matcher}
            names={labels}
            disabled={disabled}
            onChange={(items) => set({ items })}
          />
        </FieldGroup>
      )}
      <details className="rule-more" open={hasMore(problems) || undefined}>
        <summary>{words.more}</summary>
        <MoreOfRow row={row} problem={problem} disabled={disabled} onChange={set} />
      </details>
      <Taken samples={preview} row={place} />
    </div>
  )
}

function hasMore(problems: readonly FieldProblem[]): boolean {
  return problems.some(({ path }) => /^(clear|noData|exclusive|alarm|metricOutput|report)\b/.test(path))
}

function unitText({ unit, kind }: { readonly unit: string; readonly kind: string }): string {
  const parts = [unit, kind === 'counter' ? words.counter : ''].filter((part) => part !== '')
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

interface PartProps {
  readonly row: RuleDraft
  readonly problem: (field: string) => ReactNode
  readonly disabled: boolean
  readonly onChange: (part: Partial<RuleDraft>) => void
}

function Thresholds({ row, problem, disabled, onChange }: PartProps): ReactNode {
  const thresholds = typeof row.thresholds === 'object' ? row.thresholds : {}
  return (
    <>
      <div className="rule-thresholds" role="group" aria-label={words.thresholds}>
        {thresholdSeverities.map((severity: Severity) => (
          <TextInput
            key={severity}
            label={<span className={`mark sev-${severity}`}>{texts.severity[severity]}</span>}
            value={thresholds[severity] ?? ''}
            placeholder={severity === 'WARNING' ? '> 80' : undefined}
            disabled={disabled}
            error={problem(`thresholds.${severity}`)}
            spellCheck={false}
            onChange={(event) => onChange({ thresholds: { ...thresholds, [severity]: event.currentTarget.value } })}
            onBlur={() => {
              const steps = withSteps(thresholds)
              if (steps !== thresholds) onChange({ thresholds: steps })
            }}
          />
        ))}
      </div>
      <p className="quiet">{words.thresholdsHint}</p>
    </>
  )
}

function MoreOfRow({ row, problem, disabled, onChange }: PartProps): ReactNode {
  const flag = (key: 'exclusive' | 'alarm' | 'metricOutput' | 'report', fallback: boolean): ReactNode => (
    <Switch
      key={key}
      label={words.flags[key]}
      checked={row[key] ?? fallback}
      disabled={disabled}
      error={problem(key)}
      onChange={(event) => onChange({ [key]: event.currentTarget.checked === fallback ? undefined : !fallback })}
    />
  )
  return (
    <div className="settings-form folded">
      <div className="rule-fields">
        <TextInput
          label={words.clearAfter}
          placeholder="1"
          value={row.clearAfter}
          disabled={disabled}
          inputMode="numeric"
          error={problem('clear.after')}
          onChange={(event) => onChange({ clearAfter: event.currentTarget.value })}
        />
        <TextInput
          label={words.hysteresis}
          placeholder="5%"
          value={row.hysteresis}
          disabled={disabled}
          error={problem('clear.hysteresis')}
          onChange={(event) => onChange({ hysteresis: event.currentTarget.value })}
        />
        <TextInput
          label={words.noData}
          placeholder="5m"
          value={row.noData?.after ?? ''}
          disabled={disabled}
          error={problem('noData')}
          onChange={(event) => {
            const after = event.currentTarget.value
            onChange({ noData: after === '' ? undefined : { severity: row.noData?.severity ?? 'WARNING', after } })
          }}
        />
        {row.noData === undefined ? null : (
          <NativeSelect
            label={words.noDataSeverity}
            value={row.noData.severity}
            disabled={disabled}
            onChange={(event) => {
              const severity = thresholdSeverities.find((one) => one === event.currentTarget.value)
              if (row.noData !== undefined && severity !== undefined) onChange({ noData: { ...row.noData, severity } })
            }}
            data={thresholdSeverities.map((one) => ({ value: one, label: texts.severity[one] }))}
          />
        )}
      </div>
      {flag('exclusive', false)}
      {flag('alarm', true)}
      {flag('metricOutput', true)}
      {flag('report', true)}
    </div>
  )
}
