import type { RuleDocument } from '../../../src/model/index.ts'
import type { Answer } from '../api/call.ts'
import type { ObjectKind } from './configuration-tree.ts'
import { closeRule, openRule, type RuleDraft } from './rules.ts'
import { isObject } from './same.ts'
import { declared, draftOf, isPairs, settingsOf, type Draft } from './settings-form.ts'

export type ConnectorType = Answer<'listConnectors'>[number]
export type MonitorType = Answer<'listMonitors'>[number]
export type CredentialType = ConnectorType['credentials'][number]

type Values = Readonly<Record<string, unknown>>

/** What can be configured, from the declarations. */
export interface Library {
  readonly connectors: readonly ConnectorType[]
  readonly monitors: readonly MonitorType[]
}

/** Every kind of credential that some connector can use, by id. */
export function credentialTypesOf(connectors: readonly ConnectorType[]): readonly CredentialType[] {
  const types = new Map(connectors.flatMap(({ credentials }) => credentials.map((one) => [one.type, one] as const)))
  return [...types.values()].sort((a, b) => (a.title < b.title ? -1 : 1))
}

/** An object as its form holds it: settings and fields as drafts, tags as pairs. `object`: as the document has it, without its name. */
export function openDraft(kind: ObjectKind, object: Values, { connectors, monitors }: Library): Draft {
  switch (kind) {
    case 'system':
      return { ...object, tags: isObject(object['tags']) ? Object.entries(object['tags']).map(pair) : [] }
    case 'connector': {
      const params = settingsParams(object['type'], connectors)
      return { ...object, settings: draftOf(params, isObject(object['settings']) ? object['settings'] : {}) }
    }
    case 'credential': {
      const { type, ...fields } = object
      return { type, fields: draftOf(fieldParams(type, connectors), fields) }
    }
    case 'monitor': {
      const { settings, rules } = object
      const params = monitorParams(object['monitor'], monitors)
      return {
        ...object,
        settings: draftOf(params, isObject(settings) ? settings : {}),
        // Rows as the document has them, which the server has checked.
        rules: Array.isArray(rules) ? (rules as readonly RuleDocument[]).map(openRule) : undefined,
      }
    }
    case 'group':
    case 'profile':
    case 'plugin':
      return object
  }
}

/** What a form's draft means, as an edit takes it. */
export function closeDraft(kind: ObjectKind, draft: Draft, { connectors, monitors }: Library): Values {
  switch (kind) {
    case 'system': {
      const tags = isPairs(draft['tags']) ? draft['tags'].filter(([name]) => name !== '') : []
      return given({ ...draft, tags: tags.length === 0 ? undefined : Object.fromEntries(tags) })
    }
    case 'connector': {
      const settings = settingsOf(
        settingsParams(draft['type'], connectors),
        isObject(draft['settings']) ? draft['settings'] : {},
      )
      const profiles = draft['profiles']
      return given({
        ...draft,
        settings: Object.keys(settings).length === 0 ? undefined : settings,
        profiles: Array.isArray(profiles) && profiles.length === 0 ? undefined : profiles,
      })
    }
    case 'credential': {
      const { type } = draft
      const fields = isObject(draft['fields']) ? draft['fields'] : {}
      return given({ type, ...settingsOf(fieldParams(type, connectors), fields) })
    }
    case 'monitor': {
      const settings = settingsOf(
        monitorParams(draft['monitor'], monitors),
        isObject(draft['settings']) ? draft['settings'] : {},
      )
      return given({
        ...draft,
        settings: Object.keys(settings).length === 0 ? undefined : settings,
        rules: rowsOf(draft)?.map(closeRule),
      })
    }
    case 'group':
    case 'profile':
    case 'plugin':
      return given(draft)
  }
}

/** The rows of a monitor's own table; undefined where it has none of its own. */
export function rowsOf(draft: Draft): readonly RuleDraft[] | undefined {
  const { rules } = draft
  // Put there by `openDraft` and the table's editor alone.
  return Array.isArray(rules) ? (rules as readonly RuleDraft[]) : undefined
}

export function monitorParams(id: unknown, monitors: readonly MonitorType[]) {
  return declared(monitors.find((one) => one.id === id)?.params ?? {})
}

export function settingsParams(type: unknown, connectors: readonly ConnectorType[]) {
  return declared(connectors.find(({ id }) => id === type)?.params ?? {})
}

export function fieldParams(type: unknown, connectors: readonly ConnectorType[]) {
  return declared(credentialTypesOf(connectors).find((one) => one.type === type)?.fields ?? {})
}

/** What is empty is not written. */
function given(object: Values): Values {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== ''))
}

function pair([name, value]: readonly [string, unknown]): readonly [string, string] {
  return [name, String(value)]
}

export function asName(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
