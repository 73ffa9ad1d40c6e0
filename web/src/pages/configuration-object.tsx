import { Button, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useBlocker, useNavigate } from '@tanstack/react-router'
import { useRef, useState, type FormEvent, type ReactNode } from 'react'
import type { ConfigurationDocument, ConfigurationEdit, Difference, ObjectPlace } from '../../../src/contract/index.ts'
import { ApiError, call } from '../api/call.ts'
import { me, systems as systemsQuery } from '../api/queries.ts'
import { may } from '../model/access.ts'
import {
  kindOf,
  nameOf,
  objectAt,
  pathOf,
  placeKey,
  renamed,
  searchAbove,
  searchOf,
  within,
  type ObjectKind,
} from '../model/configuration-tree.ts'
import { asName, closeDraft, openDraft, type Library } from '../model/object-draft.ts'
import { saysSame } from '../model/same.ts'
import type { Draft } from '../model/settings-form.ts'
import { ChangeList } from '../parts/change-list.tsx'
import type { FieldProblem } from '../parts/settings-form.tsx'
import { Empty, Failure } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { CheckDialog } from './configuration-check.tsx'
import { ObjectFields } from './configuration-fields.tsx'
import { MoveDialog, RemoveDialog } from './configuration-object-acts.tsx'

const words = texts.config.acts

/** What a form is about: something that is there, or something of a kind that is to be added below what `at` names. */
export type Subject =
  | { readonly is: 'there'; readonly at: ObjectPlace }
  | { readonly is: 'new'; readonly kind: ObjectKind; readonly at: ObjectPlace }

interface PanelProps {
  readonly subject: Subject
  readonly document: ConfigurationDocument
  readonly revision: number
  readonly library: Library
}

/** One object of the configuration: its form, and what else can be done with it. */
export function ObjectPanel(props: PanelProps): ReactNode {
  const { subject, document } = props
  // A form that was saved begins anew with what the server made of it.
  const [saved, setSaved] = useState<{ readonly times: number; readonly difference: Difference | undefined }>({
    times: 0,
    difference: undefined,
  })
  const object = subject.is === 'new' ? {} : objectAt(document, subject.at)
  if (object === undefined) return <Empty title={words.gone} hint={words.goneHint} />
  return (
    <>
      <ObjectForm
        key={saved.times}
        {...props}
        object={object}
        onSaved={(difference) => setSaved({ times: saved.times + 1, difference })}
      />
      {saved.difference === undefined || saved.difference.changes.length === 0 ? null : (
        <details className="difference saved-difference">
          <summary>{words.whatChanged}</summary>
          <ChangeList difference={saved.difference} isDone />
        </details>
      )}
    </>
  )
}

function ObjectForm({
  subject,
  document,
  revision,
  library,
  object,
  onSaved,
}: PanelProps & {
  readonly object: Readonly<Record<string, unknown>>
  readonly onSaved: (difference: Difference) => void
}): ReactNode {
  const client = useQueryClient()
  const navigate = useNavigate({ from: '/configuration' })
  const { data: user } = useQuery(me)
  const isNew = subject.is === 'new'
  const kind = isNew ? subject.kind : kindOf(subject.at)
  // What it was when the form was opened: what is saved is based on this, whatever came in meanwhile.
  const [opened] = useState(() => ({ revision, object, draft: openDraft(kind, fresh(kind, isNew, object), library) }))
  const [name, setName] = useState(isNew ? '' : nameOf(subject.at))
  const [draft, setDraft] = useState<Draft>(opened.draft)
  const [comment, setComment] = useState('')
  const [isNameMissing, missName] = useState(false)
  const [dialog, show] = useState<'remove' | 'move' | 'check' | undefined>()
  const leaving = useRef(false)

  const value = closeDraft(kind, draft, library)
  const isRenamed = !isNew && name !== nameOf(subject.at)
  const isChanged = isNew
    ? name !== '' || !saysSame(draft, opened.draft)
    : !saysSame(value, closeDraft(kind, opened.draft, library))
  const isDirty = isRenamed || isChanged
  const changedMeanwhile = !isNew && !saysSame(object, opened.object)

  useBlocker({
    shouldBlockFn: ({ current, next }) =>
      isDirty &&
      !leaving.current &&
      (next.pathname !== current.pathname || !saysSame(withoutFilter(next.search), withoutFilter(current.search))) &&
      !window.confirm(words.leave),
    enableBeforeUnload: () => isDirty && !leaving.current,
  })

  // A monitor of a profile is called as in the library, unless it has a name of its own.
  const ownName = kind === 'monitor' && isNew && name.trim() === '' ? asName(draft['monitor']) : name
  const to = renamed(subject.at, ownName)
  const save = useMutation({
    mutationFn: () => {
      const edits: ConfigurationEdit[] = isNew
        ? [{ is: 'add', at: to, value }]
        : [
            ...(isRenamed ? [{ is: 'move', at: subject.at, to } as const] : []),
            ...(isChanged ? [{ is: 'change', at: to, value } as const] : []),
          ]
      return call('editConfiguration', {
        query: comment.trim() === '' ? {} : { comment: comment.trim() },
        body: { base: opened.revision, edits },
      })
    },
    onSuccess: async (difference) => {
      notifications.show({
        message: difference.revision === null ? words.same : words.saved(difference.revision),
        color: 'petrol',
      })
      await client.invalidateQueries({ queryKey: ['configuration'] })
      void client.invalidateQueries()
      leaving.current = true
      if (placeKey(to) === placeKey(subject.at) && !isNew) onSaved(difference)
      else await navigate({ search: searchOf(to) })
    },
  })
  const allowed = user !== undefined && mayEdit(user.grants, subject.at, isNew, kind)
  const { inner, others } = sortedProblems(save.error, [pathOf(to), pathOf(subject.at)])
  const nameProblem = inner.find(({ path }) => path === 'name')
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    missName(ownName.trim() === '')
    if (ownName.trim() !== '') save.mutate()
  }
  return (
    <>
      <div className="head-line panel-head">
        <span className="mark mark-none">{texts.config.kinds[kind]}</span>
        <Title order={2}>{isNew ? words.newOf(texts.config.kinds[kind]) : nameOf(subject.at)}</Title>
        <span className="dim">{standsIn(subject.at)}</span>
        {isNew ? null : <ToSystem at={subject.at} />}
      </div>
      {isNew || !allowed ? null : (
        <div className="panel-acts">
          <Additions at={subject.at} />
          {kind === 'connector' ? (
            <Button size="xs" variant="default" onClick={() => show('check')}>
              {words.test}
            </Button>
          ) : null}
          {kind === 'system' || kind === 'connector' ? (
            <Button size="xs" variant="default" disabled={isDirty} onClick={() => show('move')}>
              {words.move}
            </Button>
          ) : null}
          <Button size="xs" variant="default" color="red" onClick={() => show('remove')}>
            {words.remove}
          </Button>
        </div>
      )}
      {allowed ? null : <p className="quiet">{words.notAllowed}</p>}
      {changedMeanwhile && isDirty ? (
        <div className="stale meanwhile" role="status">
          <span>{words.changedMeanwhile}</span>
          <Button size="compact-xs" variant="default" onClick={() => onSaved(nothing)}>
            {words.loadAgain}
          </Button>
        </div>
      ) : null}
      {changedMeanwhile && !isDirty ? <Renew renew={() => onSaved(nothing)} /> : null}
      <form className="object-form" onSubmit={submit} noValidate>
        <TextInput
          label={texts.config.form.name}
          description={isRenamed ? undefined : isNew ? newNameHint(kind) : texts.config.form.nameHint}
          value={name}
          disabled={!allowed}
          withAsterisk={kind !== 'monitor'}
          placeholder={kind === 'monitor' ? asName(draft['monitor']) : undefined}
          spellCheck={false}
          autoCapitalize="none"
          autoComplete="off"
          error={isNameMissing && ownName.trim() === '' ? texts.config.form.nameMissing : nameProblem?.message}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {isRenamed ? (
          <p className="note form-note">
            {texts.config.form.renameNote} {kind === 'group' ? texts.config.form.renameGroupNote : ''}
          </p>
        ) : null}
        <ObjectFields
          kind={kind}
          isNew={isNew}
          at={subject.at}
          document={document}
          name={isNew ? name : nameOf(subject.at)}
          library={library}
          given={opened.object}
          draft={draft}
          onChange={setDraft}
          problems={inner}
          disabled={!allowed}
        />
        {save.error === null ? null : (
          <Failure error={withProblems(save.error, others)} title={words.failed(texts.config.kinds[kind])} />
        )}
        {allowed ? (
          <div className="save-line">
            <TextInput
              className="grow"
              aria-label={words.comment}
              placeholder={words.comment}
              value={comment}
              maxLength={500}
              onChange={(event) => setComment(event.currentTarget.value)}
            />
            {isDirty && !isNew ? (
              <Button
                variant="default"
                onClick={() => {
                  setDraft(opened.draft)
                  setName(nameOf(subject.at))
                  save.reset()
                }}
              >
                {words.discard}
              </Button>
            ) : null}
            <Button type="submit" disabled={!isDirty} loading={save.isPending}>
              {isNew ? words.add : words.save}
            </Button>
          </div>
        ) : null}
      </form>
      {dialog === 'remove' ? (
        <RemoveDialog
          at={subject.at}
          revision={opened.revision}
          onClose={() => show(undefined)}
          onDone={() => {
            leaving.current = true
            void navigate({ search: searchAbove(subject.at) })
          }}
        />
      ) : null}
      {dialog === 'move' ? (
        <MoveDialog
          at={subject.at}
          document={document}
          revision={opened.revision}
          onClose={() => show(undefined)}
          onDone={(place) => void navigate({ search: searchOf(place) })}
        />
      ) : null}
      {dialog === 'check' && 'connector' in subject.at ? (
        <CheckDialog
          group={subject.at.group}
          connector={value}
          document={document}
          library={library.monitors}
          onClose={() => show(undefined)}
        />
      ) : null}
    </>
  )
}

const nothing: Difference = { applied: true, revision: null, summary: { add: 0, change: 0, remove: 0 }, changes: [] }

/** The form shows what is there now, as nobody has typed anything into it. */
function Renew({ renew }: { renew: () => void }): ReactNode {
  const isAsked = useRef(false)
  if (!isAsked.current) {
    isAsked.current = true
    queueMicrotask(renew)
  }
  return null
}

function fresh(kind: ObjectKind, isNew: boolean, object: Readonly<Record<string, unknown>>) {
  return isNew && kind === 'group' ? { whenCutOff: 'available' } : object
}

function newNameHint(kind: ObjectKind): string | undefined {
  return kind === 'monitor' ? texts.config.form.monitorNameHint : undefined
}

function withoutFilter(search: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(search).filter(([key, value]) => key !== 'text' && value !== undefined))
}

function standsIn(at: ObjectPlace): string {
  if ('connector' in at) return words.inSystem(`${at.group} / ${at.system}`)
  if ('system' in at || 'credential' in at) return words.inGroup(at.group)
  if ('monitor' in at) return words.inProfile(at.profile)
  return ''
}

function mayEdit(grants: Parameters<typeof may>[0], at: ObjectPlace, isNew: boolean, kind: ObjectKind): boolean {
  const isOfAll = !('group' in at) || (isNew && kind === 'group')
  return may(grants, 'editor', isOfAll ? '*' : at.group)
}

/** What is wrong with the object's own fields, and what else is. */
export function sortedProblems(
  error: Error | null,
  paths: readonly string[],
): { readonly inner: readonly FieldProblem[]; readonly others: readonly FieldProblem[] } {
  const inner: FieldProblem[] = []
  const others: FieldProblem[] = []
  for (const problem of error instanceof ApiError ? error.details : []) {
    const path = paths.map((one) => within(problem.path, one)).find((one) => one !== undefined)
    const { message, hint } = problem
    const said = { message, ...(hint === undefined ? {} : { hint }) }
    // What is about the object as a whole has no field.
    if (path === undefined || path === '') others.push({ path: problem.path, ...said })
    else inner.push({ path, ...said })
  }
  return { inner, others }
}

/** The error without those problems that stand beside their fields. */
export function withProblems(error: Error, problems: readonly FieldProblem[]): Error {
  if (!(error instanceof ApiError) || error.details.length === 0) return error
  const { status, code, message, hint, details } = error
  // The message and the hint repeat the first problem, which stands beside its field.
  const said = problems.length === 0 ? { message: words.seeFields(details.length), hint: '' } : { message, hint }
  return new ApiError(status, { code, ...said, details: [...problems] })
}

/** The way from how a system is configured to how it is. */
function ToSystem({ at }: { at: ObjectPlace }): ReactNode {
  const { data: systems } = useQuery({ ...systemsQuery, enabled: 'system' in at })
  const found = 'system' in at ? systems?.find(({ group, name }) => group === at.group && name === at.system) : undefined
  if (found === undefined) return null
  return (
    <Link to="/systems/$id" params={{ id: found.id }} className="head-end">
      {words.toSystem}
    </Link>
  )
}

function Additions({ at }: { at: ObjectPlace }): ReactNode {
  const navigate = useNavigate({ from: '/configuration' })
  if ('credential' in at || 'connector' in at || !('group' in at)) return null
  const add = (what: string, label: string): ReactNode => (
    <Button size="xs" variant="default" onClick={() => void navigate({ search: { ...at, add: what } })}>
      {label}
    </Button>
  )
  const discover = add('discovery', texts.config.discover.act)
  if ('system' in at)
    return (
      <>
        {add('connector', words.addConnector)}
        {discover}
      </>
    )
  return (
    <>
      {add('system', words.addSystem)}
      {add('credential', words.addCredential)}
      {discover}
    </>
  )
}
