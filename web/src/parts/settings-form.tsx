import { Button, NativeSelect, PasswordInput, Switch, TextInput, Textarea } from '@mantine/core'
import { useId, useState, type ReactNode } from 'react'
import type { Param, Params } from '../../../src/sdk/index.ts'
import {
  defaultOf,
  defaultText,
  foldedFields,
  isPairs,
  limitText,
  repeatedNames,
  type Draft,
  type Pairs,
} from '../model/settings-form.ts'
import { isObject } from '../model/same.ts'
import { texts } from '../texts.ts'
import { IconButton } from './icon-button.tsx'
import { withCode } from './with-code.tsx'

const words = texts.config.form

/** What is wrong with one field, in the server's words. */
export interface FieldProblem {
  /** Within the settings: `url`, `include[2]`, `extract.hits`. */
  readonly path: string
  readonly message: string
  readonly hint?: string
}

/** The only form for declared settings: of connectors, credentials, monitors and plugins alike. */
export function SettingsForm({
  params,
  given,
  draft,
  onChange,
  problems,
  candidates = {},
  disabled = false,
}: {
  readonly params: Params
  /** What is stored: whatever is set there is never folded away. */
  readonly given: Readonly<Record<string, unknown>>
  readonly draft: Draft
  readonly onChange: (draft: Draft) => void
  readonly problems: readonly FieldProblem[]
  /** What there is to choose from, by setting; anything else can be typed. */
  readonly candidates?: Readonly<Record<string, readonly string[]>>
  readonly disabled?: boolean
}): ReactNode {
  const { shown, folded } = foldedFields(params, given)
  const [isUnfolded, unfold] = useState(false)
  const problemsOf = (key: string) =>
    problems.filter(({ path }) => path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`))
  const field = (key: string): ReactNode => (
    <Field
      key={key}
      label={params[key]!.label}
      param={params[key]!}
      value={draft[key]}
      onChange={(value) => onChange({ ...draft, [key]: value })}
      problems={problemsOf(key)}
      candidates={candidates[key] ?? []}
      disabled={disabled}
    />
  )
  const isOpen = isUnfolded || folded.some((key) => problemsOf(key).length > 0 || candidates[key] !== undefined)
  return (
    <div className="settings-form">
      {shown.map(field)}
      {folded.length === 0 ? null : (
        <details open={isOpen} onToggle={(event) => unfold(event.currentTarget.open)}>
          <summary>{words.more(folded.length)}</summary>
          <div className="settings-form folded">{folded.map(field)}</div>
        </details>
      )}
    </div>
  )
}

interface FieldProps {
  readonly label: string
  readonly param: Param
  readonly value: unknown
  readonly onChange: (value: unknown) => void
  readonly problems: readonly FieldProblem[]
  readonly candidates: readonly string[]
  readonly disabled: boolean
}

function about(param: Param): ReactNode {
  const fallback = param.kind === 'flag' ? undefined : defaultText(param)
  const limits = limitText(param)
  const parts = [
    fallback === undefined ? undefined : words.default(fallback),
    limits === undefined ? undefined : words.limits(limits),
    fallback === undefined && param.optional === true ? words.optional : undefined,
  ].filter((part) => part !== undefined)
  if (param.help === undefined && parts.length === 0) return undefined
  return (
    <>
      {param.help === undefined ? null : <>{withCode(param.help)} </>}
      {parts.length === 0 ? null : <span className="nowrap-parts">{parts.join(' · ')}</span>}
    </>
  )
}

function wrong(problems: readonly FieldProblem[]): ReactNode {
  if (problems.length === 0) return undefined
  return problems.map(({ message, hint }, i) => (
    <span key={i} className="field-problem">
      {message}
      {hint === undefined || hint === '' ? null : <span className="hint"> {hint}</span>}
    </span>
  ))
}

const asText = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : String(value)

function Field(props: FieldProps): ReactNode {
  const { label, param, value, onChange, problems, candidates, disabled } = props
  const required = defaultOf(param) === undefined && param.optional !== true
  const common = {
    label,
    description: about(param),
    error: wrong(problems),
    disabled,
    withAsterisk: required,
  }
  const placeholder = defaultText(param) ?? ('example' in param && param.example !== undefined ? param.example : '')
  switch (param.kind) {
    case 'text':
      if (param.multiline === true)
        return (
          <Textarea
            {...common}
            value={asText(value)}
            placeholder={placeholder}
            rows={4}
            spellCheck={false}
            classNames={{ input: 'code-input' }}
            onChange={(event) => onChange(event.currentTarget.value)}
          />
        )
      return (
        <TextField {...common} value={value} placeholder={placeholder} candidates={candidates} onChange={onChange} />
      )
    case 'url':
      return <TextField {...common} value={value} placeholder={placeholder} onChange={onChange} inputMode="url" />
    case 'number':
      return <TextField {...common} value={value} placeholder={placeholder} onChange={onChange} inputMode="decimal" />
    case 'duration':
    case 'size':
      return <TextField {...common} value={value} placeholder={placeholder} onChange={onChange} />
    case 'choice':
      return (
        <NativeSelect
          {...common}
          value={asText(value)}
          onChange={(event) => onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
        >
          <option value="">{param.default === undefined ? words.unset : words.default(param.default)}</option>
          {param.of.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </NativeSelect>
      )
    case 'flag':
      return (
        <Switch
          label={label}
          description={
            <>
              {param.help === undefined ? null : <>{withCode(param.help)} </>}
              {param.default ? words.onByDefault : words.offByDefault}
            </>
          }
          error={wrong(problems)}
          disabled={disabled}
          checked={typeof value === 'boolean' ? value : param.default}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      )
    case 'secret':
      return <SecretField {...props} />
    case 'list':
      return <ListField {...props} param={param} />
    case 'map':
      return <MapField {...props} param={param} />
  }
}

function TextField({
  value,
  onChange,
  candidates = [],
  ...rest
}: {
  readonly candidates?: readonly string[]
  readonly label: string
  readonly description: ReactNode
  readonly error: ReactNode
  readonly disabled: boolean
  readonly withAsterisk: boolean
  readonly placeholder: string
  readonly value: unknown
  readonly inputMode?: 'url' | 'decimal'
  readonly onChange: (value: unknown) => void
}): ReactNode {
  const id = useId()
  return (
    <>
      <Suggestions id={id} texts={candidates} />
      <TextInput
        {...rest}
        value={asText(value)}
        list={candidates.length === 0 ? undefined : id}
        spellCheck={false}
        autoCapitalize="none"
        autoComplete="off"
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </>
  )
}

function Suggestions({ id, texts: all }: { readonly id: string; readonly texts: readonly string[] }): ReactNode {
  if (all.length === 0) return null
  return (
    <datalist id={id}>
      {all.map((one) => (
        <option key={one} value={one} />
      ))}
    </datalist>
  )
}

/** Goes in and never comes out: what is stored is kept unless another one is typed. */
function SecretField({ label, param, value, onChange, problems, disabled }: FieldProps): ReactNode {
  const id = useId()
  const [wasKept] = useState(isObject(value) && value['keep'] === true)
  const isKept = isObject(value) && value['keep'] === true
  const typed = isObject(value) && typeof value['value'] === 'string' ? value['value'] : ''
  if (isKept)
    return (
      <div className="secret-kept">
        <span className="label-line" id={id}>
          {label}
        </span>
        <span className="quiet">{words.secretKept}</span>
        <Button
          size="xs"
          variant="default"
          disabled={disabled}
          aria-describedby={id}
          onClick={() => onChange({ value: '' })}
        >
          {words.secretReplace}
        </Button>
        {problems.length === 0 ? null : <span className="bad">{wrong(problems)}</span>}
      </div>
    )
  const shared = {
    label,
    description: param.help === undefined ? words.secretNew : `${param.help} ${words.secretNew}`,
    error: wrong(problems),
    disabled,
    value: typed,
    withAsterisk: param.optional !== true,
    autoComplete: 'new-password',
  }
  const set = (text: string): void => onChange(text === '' && param.optional === true ? undefined : { value: text })
  return (
    <div>
      {param.kind === 'secret' && param.multiline === true ? (
        <Textarea
          {...shared}
          rows={5}
          spellCheck={false}
          classNames={{ input: 'code-input' }}
          onChange={(event) => set(event.currentTarget.value)}
        />
      ) : (
        <PasswordInput {...shared} onChange={(event) => set(event.currentTarget.value)} />
      )}
      {wasKept ? (
        <Button size="compact-xs" variant="subtle" color="gray" onClick={() => onChange({ keep: true })}>
          {words.secretKeep}
        </Button>
      ) : null}
    </div>
  )
}

/** A label, a help text and problems around fields that are several. */
export function FieldGroup({
  label,
  description,
  problems = [],
  children,
}: {
  readonly label: string
  readonly description?: ReactNode
  readonly problems?: readonly FieldProblem[]
  readonly children: ReactNode
}): ReactNode {
  const id = useId()
  return (
    <div className="field-group" role="group" aria-labelledby={id}>
      <span className="label-line" id={id}>
        {label}
      </span>
      {description === undefined ? null : <span className="field-help">{description}</span>}
      {children}
      {problems.length === 0 ? null : <span className="bad field-problems">{wrong(problems)}</span>}
    </div>
  )
}

function ListField({
  label,
  param,
  value,
  onChange,
  problems,
  candidates,
  disabled,
}: FieldProps & { readonly param: Extract<Param, { kind: 'list' }> }): ReactNode {
  const fallback = param.default
  if (!Array.isArray(value) && fallback !== undefined && fallback.length > 0)
    return (
      <FieldGroup label={label} description={about(param)} problems={problems}>
        <div className="list-acts">
          <Button size="xs" variant="default" disabled={disabled} onClick={() => onChange([...fallback])}>
            {words.setOwn}
          </Button>
          <FoundOnTarget
            label={label}
            found={candidates.filter((one) => !fallback.includes(one))}
            disabled={disabled}
            onChoose={(one) => onChange([...fallback, one])}
          />
        </div>
      </FieldGroup>
    )
  const items: readonly unknown[] = Array.isArray(value) ? value : []
  const set = (next: readonly unknown[]): void =>
    onChange(next.length === 0 && (fallback === undefined || fallback.length === 0) ? undefined : next)
  const own = problems.filter(({ path }) => !/\[\d+\]/.test(path))
  return (
    <FieldGroup label={label} description={about(param)} problems={own}>
      {items.map((item, i) => (
        <div key={i} className="list-line">
          <div className="grow">
            <ListItem
              param={param.of}
              label={words.listItem(param.of.label, i + 1)}
              value={item}
              disabled={disabled}
              problems={problems.filter(({ path }) => path.includes(`[${i}]`))}
              onChange={(next) => set(items.map((one, at) => (at === i ? next : one)))}
            />
          </div>
          <IconButton
            icon="remove"
            label={words.remove(`${param.of.label} ${i + 1}`)}
            disabled={disabled}
            onClick={() => set(items.filter((_, at) => at !== i))}
          />
        </div>
      ))}
      <div className="list-acts">
        <Button size="xs" variant="default" disabled={disabled} onClick={() => set([...items, ''])}>
          {words.listAdd}
        </Button>
        <FoundOnTarget
          label={label}
          found={candidates.filter((one) => !items.includes(one))}
          disabled={disabled}
          onChoose={(one) => set([...items, one])}
        />
        {fallback === undefined || fallback.length === 0 ? null : (
          <Button size="xs" variant="subtle" color="gray" disabled={disabled} onClick={() => onChange(undefined)}>
            {words.useDefault}
          </Button>
        )}
      </div>
    </FieldGroup>
  )
}

/** What the target has and the list has not yet. */
function FoundOnTarget({
  label,
  found,
  disabled,
  onChoose,
}: {
  readonly label: string
  readonly found: readonly string[]
  readonly disabled: boolean
  readonly onChoose: (one: string) => void
}): ReactNode {
  if (found.length === 0) return null
  return (
    <NativeSelect
      size="xs"
      aria-label={words.addFound(label)}
      value=""
      disabled={disabled}
      onChange={(event) => onChoose(event.currentTarget.value)}
    >
      <option value="">{words.found(found.length)}</option>
      {found.map((one) => (
        <option key={one} value={one}>
          {one}
        </option>
      ))}
    </NativeSelect>
  )
}

function ListItem({ param, label, value, disabled, problems, onChange }: Omit<FieldProps, 'candidates'>): ReactNode {
  const common = { 'aria-label': label, disabled, error: wrong(problems) }
  if (param.kind === 'choice')
    return (
      <NativeSelect {...common} value={asText(value)} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{words.unset}</option>
        {param.of.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </NativeSelect>
    )
  return (
    <TextInput
      {...common}
      value={asText(value)}
      placeholder={'example' in param ? param.example : undefined}
      spellCheck={false}
      autoCapitalize="none"
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}

function MapField({
  label,
  param,
  value,
  onChange,
  problems,
  disabled,
}: FieldProps & { readonly param: Extract<Param, { kind: 'map' }> }): ReactNode {
  const pairs = isPairs(value) ? value : []
  return (
    <FieldGroup label={label} description={about(param)} problems={problems}>
      <PairsEditor
        pairs={pairs}
        nameLabel={words.mapName}
        valueLabel={words.mapValue}
        disabled={disabled}
        onChange={(next) => onChange(next.length === 0 ? undefined : next)}
      />
    </FieldGroup>
  )
}

/** Names with values, a line each: maps, tags, filters of items. */
export function PairsEditor({
  pairs,
  nameLabel,
  valueLabel,
  disabled,
  names = [],
  onChange,
}: {
  readonly pairs: Pairs
  readonly nameLabel: string
  readonly valueLabel: string
  readonly disabled: boolean
  /** Names to choose from; others can be typed. */
  readonly names?: readonly string[]
  readonly onChange: (pairs: Pairs) => void
}): ReactNode {
  const id = useId()
  const twice = repeatedNames(pairs)
  const set = (i: number, pair: readonly [string, string]): void =>
    onChange(pairs.map((one, at) => (at === i ? pair : one)))
  return (
    <>
      <Suggestions id={id} texts={names} />
      {pairs.map(([name, value], i) => (
        <div key={i} className="list-line">
          <TextInput
            className="pair-name"
            aria-label={`${nameLabel} ${i + 1}`}
            placeholder={nameLabel}
            value={name}
            disabled={disabled}
            list={names.length === 0 ? undefined : id}
            spellCheck={false}
            autoCapitalize="none"
            onChange={(event) => set(i, [event.currentTarget.value, value])}
          />
          <TextInput
            className="grow"
            aria-label={`${valueLabel} ${i + 1}`}
            placeholder={valueLabel}
            value={value}
            disabled={disabled}
            spellCheck={false}
            autoCapitalize="none"
            onChange={(event) => set(i, [name, event.currentTarget.value])}
          />
          <IconButton
            icon="remove"
            label={words.remove(name === '' ? `${nameLabel} ${i + 1}` : name)}
            disabled={disabled}
            onClick={() => onChange(pairs.filter((_, at) => at !== i))}
          />
        </div>
      ))}
      {twice.length === 0 ? null : (
        <span className="bad" role="alert">
          {words.twice(twice.join(', '))}
        </span>
      )}
      <div className="list-acts">
        <Button size="xs" variant="default" disabled={disabled} onClick={() => onChange([...pairs, ['', '']])}>
          {words.mapAdd}
        </Button>
      </div>
    </>
  )
}
