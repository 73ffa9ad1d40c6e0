import { Button, Modal, NativeSelect, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import type { CheckAnswer, ConfigurationDocument } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import { agents as agentsQuery } from '../api/queries.ts'
import { formatSpan, formatValue } from '../format/values.ts'
import { matchesWords, monitorName } from '../model/configuration-tree.ts'
import type { MonitorType } from '../model/object-draft.ts'
import { declared, draftOf, settingsOf, type Draft } from '../model/settings-form.ts'
import { OutcomeMark, SeverityMark } from '../parts/marks.tsx'
import { SettingsForm } from '../parts/settings-form.tsx'
import { Failure, Waiting } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { sortedProblems, withProblems } from './configuration-object.tsx'

const words = texts.config.check

/** Runs one monitor once on the connector as it stands in the form, and shows what came of it. Nothing of it is kept. */
export function CheckDialog({
  library,
  onClose,
  ...about
}: Omit<Parameters<typeof CheckForm>[0], 'library'> & {
  readonly library: readonly MonitorType[]
  readonly onClose: () => void
}): ReactNode {
  return (
    <Modal opened onClose={onClose} title={words.title} size="xl">
      <CheckForm
        {...about}
        library={library.filter((one) => one.connectors.includes(String(about.connector['type'])))}
      />
    </Modal>
  )
}

function CheckForm({
  group,
  connector,
  document,
  library,
}: {
  readonly group: string
  readonly connector: Readonly<Record<string, unknown>>
  readonly document: ConfigurationDocument
  readonly library: readonly MonitorType[]
}): ReactNode {
  const agents = useQuery(agentsQuery)
  const able = (agents.data ?? []).filter((one) => one.groups.includes(group))
  // What is configured comes first: that is what will run.
  const configured = (document.profiles ?? [])
    .filter(({ name }) => Array.isArray(connector['profiles']) && connector['profiles'].includes(name))
    .flatMap(({ name, monitors = [] }) => monitors.map((one) => ({ profile: name, one })))
  const choices = [
    ...configured.map(({ profile, one }) => ({
      key: `${profile} / ${monitorName(one)}`,
      label: `${monitorName(one)} (${profile})`,
      monitor: one.monitor,
      settings: one.settings ?? {},
      rules: one.rules,
    })),
    ...library.map(({ id, title }) => ({ key: id, label: title, monitor: id, settings: {}, rules: undefined })),
  ]
  const [key, setKey] = useState(choices[0]?.key ?? '')
  const choice = choices.find((one) => one.key === key) ?? choices[0]
  const monitor = library.find(({ id }) => id === choice?.monitor)
  const params = declared(monitor?.params ?? {})
  const [drafts, setDrafts] = useState<Readonly<Record<string, Draft>>>({})
  const draft = drafts[key] ?? draftOf(params, choice?.settings ?? {})
  const [agent, setAgent] = useState('')
  const run = useMutation({
    mutationFn: () =>
      call('checkConnector', {
        body: {
          group,
          ...(agent === '' ? {} : { agent }),
          connector: {
            type: String(connector['type']),
            ...(connector['settings'] === undefined ? {} : { settings: connector['settings'] }),
            ...(typeof connector['credential'] === 'string' ? { credential: connector['credential'] } : {}),
          },
          monitor: choice?.monitor ?? '',
          settings: settingsOf(params, draft),
          ...(choice?.rules === undefined ? {} : { rules: choice.rules }),
        },
      }),
  })
  if (choice === undefined) return <p className="quiet">{words.noMonitor}</p>
  const { inner, others } = sortedProblems(run.error, ['settings'])
  return (
    <div className="act-form">
      <p className="quiet">{words.hint}</p>
      <div className="check-line">
        <NativeSelect
          label={words.monitor}
          value={key}
          data={choices.map((one) => ({ value: one.key, label: one.label }))}
          onChange={(event) => {
            setKey(event.currentTarget.value)
            run.reset()
          }}
        />
        <NativeSelect label={words.agent} value={agent} onChange={(event) => setAgent(event.currentTarget.value)}>
          <option value="">{words.anyAgent}</option>
          {able.map(({ id, name }) => (
            <option key={id} value={name}>
              {name}
            </option>
          ))}
        </NativeSelect>
        <Button onClick={() => run.mutate()} loading={run.isPending}>
          {words.run}
        </Button>
      </div>
      <details>
        <summary>{words.settings}</summary>
        <SettingsForm
          params={params}
          given={choice.settings}
          draft={draft}
          onChange={(next) => setDrafts({ ...drafts, [key]: next })}
          problems={inner}
          disabled={false}
        />
      </details>
      {run.isPending ? <Waiting /> : null}
      {run.error === null ? null : (
        <Failure error={withProblems(run.error, [...others, ...inner])} title={words.failed} />
      )}
      {run.data === undefined ? null : <CheckResult answer={run.data} />}
    </div>
  )
}

const shownAtOnce = 200

/** What a run by hand gave: outcome, values, and for each value the row that takes it. */
export function CheckResult({ answer }: { answer: CheckAnswer }): ReactNode {
  const [filter, setFilter] = useState('')
  const rows = answer.samples.filter(
    ({ name, labels }) => filter.trim() === '' || matchesWords(filter.trim(), name, itemOf(labels)),
  )
  const facts = Object.entries(answer.facts)
  return (
    <section className="check-result" aria-label={words.result}>
      <p className="head-line">
        <OutcomeMark of={answer.outcome} />
        <span>{words.ranOn(answer.agent, formatSpan(answer.durationMs))}</span>
        {answer.reason === null ? null : <span className="bad">{answer.reason}</span>}
      </p>
      {answer.message === null ? null : <p className="break">{answer.message}</p>}
      {answer.samples.length > 12 ? (
        <TextInput
          aria-label={words.filter}
          placeholder={words.filter}
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
      ) : null}
      <div className="table-box" tabIndex={0} role="region" aria-label={words.values}>
        <table className="plain-table">
          <thead>
            <tr>
              <th>{words.metric}</th>
              <th>{words.item}</th>
              <th className="number">{words.value}</th>
              <th>{words.row}</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shownAtOnce).map(({ name, labels, value, unit, rows: taking }, i) => (
              <tr key={i}>
                <td className="break">{name}</td>
                <td className="break dim">{itemOf(labels)}</td>
                <td className="number nowrap">{formatValue(value, unit)}</td>
                <td>
                  {taking.length === 0 ? (
                    <span className="dim">{words.noRow}</span>
                  ) : (
                    taking.map((row) => (
                      <span key={row.row} className="taking">
                        {row.name} {row.severity === null ? null : <SeverityMark of={row.severity} />}
                      </span>
                    ))
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length + answer.left > shownAtOnce ? (
        <p className="quiet">{texts.config.changes.more(Math.max(0, rows.length - shownAtOnce) + answer.left)}</p>
      ) : null}
      {facts.length === 0 ? null : (
        <details>
          <summary>{words.facts(facts.length)}</summary>
          <dl className="facts">
            {facts.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd className="break">{String(value)}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </section>
  )
}

export function itemOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}
