import { Button, NativeSelect } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import type { ConfigurationDocument, ConnectorDocument } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import type { MonitorType } from '../model/object-draft.ts'
import { declared } from '../model/settings-form.ts'
import type { Measured } from '../parts/rules-editor.tsx'
import { FieldGroup } from '../parts/settings-form.tsx'
import { Failure } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { CheckResult } from './configuration-check.tsx'

const words = texts.config.profiles

/** So many connectors to choose from; those that use the profile come first. */
const mostTargets = 500

/**
 * Runs the monitor once on a connector of its type and gives what it measured: the metrics and items that there are to choose from, and on
 * which the table is tried. Where settings name things of the target, the target is asked which it has.
 */
export function Candidates({
  document,
  profile,
  monitor,
  settings,
  onMeasured,
  onCandidates,
}: {
  readonly document: ConfigurationDocument
  readonly profile: string
  readonly monitor: MonitorType
  readonly settings: Readonly<Record<string, unknown>>
  readonly onMeasured: (measured: Measured) => void
  /** What the target says there is to choose, by setting. */
  readonly onCandidates: (candidates: Readonly<Record<string, readonly string[]>>) => void
}): ReactNode {
  const targets = (document.groups ?? [])
    .flatMap((group) =>
      (group.systems ?? []).flatMap((system) =>
        (system.connectors ?? [])
          .filter(({ type }) => monitor.connectors.includes(type))
          .map((connector) => ({ group: group.name, system: system.name, connector })),
      ),
    )
    .sort((a, b) => uses(b.connector.profiles, profile) - uses(a.connector.profiles, profile))
    .slice(0, mostTargets)
  const [place, choose] = useState(0)
  const target = targets[place]
  const run = useMutation({
    mutationFn: () => {
      if (target === undefined) return Promise.reject(new Error(words.noTarget))
      return call('checkConnector', { body: bodyOf(target, monitor.id, settings) })
    },
    onSuccess: ({ samples }) => onMeasured({ samples }),
  })
  const params = declared(monitor.params)
  const chosen = Object.entries(params).filter(([, param]) => 'candidates' in param && param.candidates === true)
  const ask = useMutation({
    mutationFn: () => {
      if (target === undefined) return Promise.reject(new Error(words.noTarget))
      return call('listCandidates', { body: bodyOf(target, monitor.id, settings) })
    },
    onSuccess: ({ candidates }) => onCandidates(candidates),
  })
  return (
    <FieldGroup label={words.tryOn} description={words.tryOnHint}>
      {target === undefined ? (
        <p className="quiet">{words.noTarget}</p>
      ) : (
        <div className="check-line">
          <NativeSelect
            aria-label={words.tryOn}
            value={String(place)}
            onChange={(event) => choose(Number(event.currentTarget.value))}
          >
            {targets.map(({ group, system, connector }, i) => (
              <option key={i} value={String(i)}>
                {group} / {system} / {connector.name}
              </option>
            ))}
          </NativeSelect>
          <Button variant="default" loading={run.isPending} onClick={() => run.mutate()}>
            {words.load}
          </Button>
          {chosen.length === 0 ? null : (
            <Button variant="default" loading={ask.isPending} onClick={() => ask.mutate()}>
              {words.candidates}
            </Button>
          )}
        </div>
      )}
      {run.error === null ? null : <Failure error={run.error} title={texts.config.check.failed} />}
      {ask.error === null ? null : <Failure error={ask.error} title={words.candidatesFailed} />}
      {ask.data === undefined ? null : (
        <p className="quiet" role="status">
          {ask.data.reason === null
            ? words.candidatesFound(
                chosen.filter(([key]) => ask.data.candidates[key] !== undefined).map(([, { label }]) => label),
              )
            : `${words.candidatesFailed}: ${ask.data.message ?? ask.data.reason}`}
        </p>
      )}
      {run.data === undefined ? null : (
        <details>
          <summary>{words.measured(run.data.samples.length - 1 + run.data.left)}</summary>
          <CheckResult answer={run.data} />
        </details>
      )}
    </FieldGroup>
  )
}

function bodyOf(
  { group, connector }: { readonly group: string; readonly connector: ConnectorDocument },
  monitor: string,
  settings: Readonly<Record<string, unknown>>,
) {
  return {
    group,
    connector: {
      type: connector.type,
      ...(connector.settings === undefined ? {} : { settings: connector.settings }),
      ...(connector.credential === undefined ? {} : { credential: connector.credential }),
    },
    monitor,
    settings,
  }
}

function uses(profiles: readonly string[] | undefined, profile: string): number {
  return profiles?.includes(profile) === true ? 1 : 0
}
