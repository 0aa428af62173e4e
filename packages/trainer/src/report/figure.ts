import { html, type Html } from './html.ts'
import type { Key } from './palette.ts'

export interface FigureParts {
  readonly title: string
  /** One sentence in plain words: what is seen and how to read it. */
  readonly says: string
  readonly legend?: ReadonlyArray<Key>
  readonly body: Html | ReadonlyArray<Html>
  readonly wide?: 'wide' | 'half' | 'third'
}

export const legendOf = (keys: ReadonlyArray<Key>): Html =>
  html`<ul class="legend">
    ${keys.map(({ label, colour }) => html`<li><i style="background:${colour}"></i>${label}</li>`)}
  </ul>`

export const figure = ({ title, says, legend, body, wide = 'wide' }: FigureParts): Html =>
  html`<figure class="${wide}">
    <figcaption>
      <h3>${title}</h3>
      <p>${says}</p>
    </figcaption>
    ${legend === undefined || legend.length === 0 ? null : legendOf(legend)} ${body}
  </figure>`

export interface TableParts {
  readonly head: ReadonlyArray<string | Html>
  readonly rows: ReadonlyArray<ReadonlyArray<string | number | Html>>
  /** Columns that hold words; the others are numbers and stand right. */
  readonly words?: ReadonlyArray<number>
}

export const table = ({ head, rows, words = [0] }: TableParts): Html => {
  const cells = (tag: 'th' | 'td', row: ReadonlyArray<string | number | Html>): ReadonlyArray<Html> =>
    row.map((cell, i) =>
      words.includes(i)
        ? tag === 'th'
          ? html`<th scope="col">${cell}</th>`
          : html`<td>${cell}</td>`
        : tag === 'th'
          ? html`<th scope="col" class="number">${cell}</th>`
          : html`<td class="number">${cell}</td>`,
    )
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${cells('th', head)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${cells('td', row)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}
