import { errorCatalogue } from '../base/index.ts'
import { ErrorAnswer, operations, type Operation } from '../contract/index.ts'

/** The OpenAPI 3.1 document of the API, made from the same declarations that check requests. */
export function openApiDocument(version: string, prefix: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [name, operation] of Object.entries<Operation>(operations)) {
    const path = (paths[prefix + operation.path] ??= {})
    path[operation.method.toLowerCase()] = {
      operationId: name,
      summary: operation.summary,
      description: descriptionOf(operation),
      tags: [operation.tag],
      security: operation.allowed === 'nobody in particular' ? [] : [{ bearer: [] }],
      parameters: [...parametersOf(operation, 'params', 'path'), ...parametersOf(operation, 'query', 'query')],
      ...(operation.body === undefined
        ? {}
        : {
            requestBody: {
              required: operation.isBodyOptional !== true,
              content: { 'application/json': { schema: operation.body } },
            },
          }),
      responses: {
        200: {
          description: 'Done',
          ...(operation.paged === true
            ? {
                headers: {
                  'Farwatch-Next-Cursor': {
                    description: 'Where the next page begins; absent on the last',
                    schema: { type: 'string' },
                  },
                },
              }
            : {}),
          content: { [operation.isText === true ? 'text/plain' : 'application/json']: { schema: operation.answer } },
        },
        default: {
          description: 'The error codes are stable',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Farwatch',
      version,
      description: `Times are ISO 8601 UTC with milliseconds. Lists page by cursor. Error codes: ${Object.keys(errorCatalogue).join(', ')}.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: { schemas: { Error: ErrorAnswer }, securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  }
}

function descriptionOf({ method, allowed, isLocal }: Operation): string {
  const who = allowed === 'nobody in particular' ? 'Needs no token.' : `Needs the role ${allowed}.`
  return method === 'GET' || isLocal === true ? who : `${who} A server that stands by refuses it with \`not-active\`.`
}

function parametersOf(operation: Operation, part: 'params' | 'query', where: 'path' | 'query'): unknown[] {
  const schema = operation[part]
  if (schema === undefined) return []
  const required: readonly string[] = schema.required ?? []
  return Object.entries(schema.properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }))
}
