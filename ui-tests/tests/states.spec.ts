import { AxeBuilder } from '@axe-core/playwright';
import {
  expect,
  galata,
  type IJupyterLabPageFixture,
  test
} from '@jupyterlab/galata';

import * as jobs from '../fake/jobs';
import { FakeServer } from '../fake/server';
import { openPanel, Panel } from '../panel';
import { enter, STATES, THEMES } from '../states';

test.use({
  autoGoto: false,
  viewport: { width: 1000, height: 800 },
  trace: 'off' // of so many states it takes far longer than what it records
});

for (const theme of THEMES) {
  test(`each state says what is the matter and what to do, in ${theme}`, async ({
    page
  }) => {
    test.setTimeout(450_000); // axe takes some seconds for each on a busy machine
    const fake = new FakeServer();
    await fake.serve(page);
    await page.goto();
    await page.theme.setTheme(theme);
    const panel = await openPanel(page);
    await panel.resize(330);
    for (const state of STATES) {
      await test.step(state.name, async () => {
        await enter(state, panel, fake);
        expect.soft(await violations(page), state.name).toEqual([]);
      });
    }
  });
}

test('a refusal is told until something else is chosen or asked', async ({
  page
}) => {
  const fake = new FakeServer();
  await fake.serve(page);
  await page.goto();
  const panel = await openPanel(page);
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
  await panel.rows.nth(1).click();
  const detail = 'There is no room for it.';
  fake.problems.set(/jobs$/, { type: 'no-space', detail, do: 'retry' });
  await panel.button('Stage').click();
  await expect(panel.root).toContainText(detail);
  await panel.rows.first().click();
  await expect(panel.root).not.toContainText(detail);

  await panel.rows.nth(1).click();
  await panel.button('Stage').click();
  await expect(panel.root).toContainText(detail);
  await panel.search('data25_13p6TeV', '*');
  await expect(panel.root).not.toContainText(detail);
});

test('what is chosen stays in sight while the list becomes lower', async ({
  page
}) => {
  const fake = new FakeServer();
  await fake.serve(page);
  await page.goto();
  const panel = await openPanel(page);
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
  const row = panel.row('00358040');
  await row.click();
  await panel.button('Only a part…').click();
  await expect(panel.root.getByLabel('First')).toBeVisible();
  await expect(row).toBeInViewport({ ratio: 0.9 });

  await panel.root.getByRole('tree').hover();
  await page.mouse.wheel(0, 3000);
  await expect(row).toBeHidden();
  await panel.button('All of it').click();
  await expect(panel.root.getByLabel('First')).toBeHidden();
  await expect(row).toBeHidden();
});

test('the status bar tells of what runs, and leads there', async ({ page }) => {
  const fake = new FakeServer();
  fake.jobs = jobs.begun;
  await fake.serve(page);
  await page.goto();
  const item = page.getByRole('button', { name: /^Rucio: 5 jobs/ });
  await expect(item).toBeVisible();
  expect(await violations(page, '.jp-Rucio-status')).toEqual([]);
  await item.click();
  const panel = new Panel(page);
  await expect(panel.tab(/Jobs/)).toHaveAttribute('aria-selected', 'true');
  await expect(panel.root).toContainText('12.5 of 20.1 MB');
});

test.describe('in German', () => {
  test.use({
    mockSettings: {
      ...galata.DEFAULT_SETTINGS,
      '@jupyterlab/translation-extension:plugin': { locale: 'de_DE' }
    }
  });

  test('numbers are written as in that language', async ({ page }) => {
    const fake = new FakeServer();
    await fake.serve(page);
    await page.goto();
    const panel = await openPanel(page);
    await panel.search('data25_13p6TeV', '*PHYSLITE*');
    await expect(panel.root).toContainText(/1\.204 results · \d,\d s/);
    await expect(panel.row('00358034')).toContainText('3.120 / 5.000');
  });
});

async function violations(
  page: IJupyterLabPageFixture,
  place = '#rucio-panel'
): Promise<string[]> {
  const report = await new AxeBuilder({ page })
    .include(place)
    .withTags([
      'wcag2a',
      'wcag2aa',
      'wcag21a',
      'wcag21aa',
      'wcag22aa',
      'best-practice'
    ])
    .analyze();
  return report.violations.map(
    violation => `${violation.id}: ${violation.nodes[0].html}`
  );
}
