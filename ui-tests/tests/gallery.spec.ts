/**
 * Pictures of every state, for eyes: `jlpm gallery`, then look below `test-results/gallery/`.
 *
 * It asserts nothing that `states.spec.ts` does not, and so is no part of the ordinary run.
 */
import { join } from 'path';

import { test } from '@jupyterlab/galata';
import type { Page } from '@playwright/test';

import { FakeServer } from '../fake/server';
import { openPanel } from '../panel';
import { enter, STATES, THEMES } from '../states';

const WIDTHS = [520, 330, 240];
/** Pictures side by side on a sheet, and in all on one. */
const [COLUMNS, ON_A_SHEET] = [5, 10];

test.use({
  autoGoto: false,
  viewport: { width: 1000, height: 800 },
  trace: 'off' // of so many states it takes far longer than what it records
});

for (const theme of THEMES) {
  for (const width of WIDTHS) {
    test(`${theme} at ${width} pixels`, async ({ page, context }, info) => {
      test.setTimeout(300_000);
      const folder = join(info.project.outputDir, 'gallery');
      const name = `${theme.replace(/\W+/g, '-')}-${width}`;
      const fake = new FakeServer();
      await fake.serve(page);
      await page.goto();
      await page.theme.setTheme(theme);
      const panel = await openPanel(page);
      await panel.resize(width);
      const shown = (await panel.root.boundingBox())?.width ?? width;
      const pictures: [string, Buffer][] = [];
      for (const state of STATES) {
        await enter(state, panel, fake);
        await page.mouse.move(900, 300);
        const path = join(
          folder,
          name,
          `${state.name.replace(/\W+/g, '-')}.png`
        );
        pictures.push([state.name, await panel.root.screenshot({ path })]);
      }
      const table = await context.newPage();
      for (let from = 0; from < pictures.length; from += ON_A_SHEET) {
        const path = join(folder, `${name}-${from / ON_A_SHEET + 1}.png`);
        const some = pictures.slice(from, from + ON_A_SHEET);
        await lay(table, some, shown, path);
      }
    });
  }
}

/** Many pictures on one sheet, each below its name. */
async function lay(
  table: Page,
  pictures: [string, Buffer][],
  width: number,
  path: string
): Promise<void> {
  const figures = pictures.map(
    ([name, picture]) =>
      `<figure><figcaption>${name}</figcaption><img src="data:image/png;base64,${picture.toString('base64')}"></figure>`
  );
  await table.setViewportSize({
    width: COLUMNS * (width + 12) + 12,
    height: 600
  });
  await table.setContent(
    `<style>
      body { display: flex; flex-wrap: wrap; gap: 12px; margin: 12px; background: #cfd4da; font: 13px sans-serif }
      figure { margin: 0 }
    </style>${figures.join('')}`
  );
  await table.screenshot({ path, fullPage: true });
}
