import { expect, test } from '@jupyterlab/galata';

import { dataset } from '../fake/data';
import { FakeServer } from '../fake/server';
import { openPanel } from '../panel';

const MOST = 150;

test.use({ autoGoto: false });

// The higher one is longer than browsers let an element be.
for (const rows of [100_000, 1_000_000]) {
  test(`of ${rows} rows at most ${MOST} exist`, async ({ page }) => {
    const fake = new FakeServer();
    fake.rows = Array.from({ length: rows }, (_, run) => dataset(run));
    await fake.serve(page);
    await page.goto();
    const panel = await openPanel(page);
    await panel.search('data25_13p6TeV');
    await expect(panel.root).toContainText(
      `${rows.toLocaleString('en')} results`
    );

    const tree = panel.root.getByRole('tree');
    for (const [place, share] of [
      ['top', 0],
      ['middle', 0.5],
      ['end', 1]
    ] as const) {
      await test.step(place, async () => {
        await tree.evaluate((node, part) => {
          node.scrollTop = part * (node.scrollHeight - node.clientHeight);
        }, share);
        const row = Math.round(share * (rows - 1));
        await expect(panel.row(dataset(row).did.name)).toBeVisible();
        const count = await panel.rows.count();
        expect(count).toBeGreaterThan(5);
        expect(count).toBeLessThanOrEqual(MOST);
      });
    }

    await test.step('by keyboard from one end to the other', async () => {
      await tree.focus();
      await page.keyboard.press('End');
      await expect(panel.row(dataset(rows - 1).did.name)).toBeVisible();
      await page.keyboard.press('Home');
      await expect(panel.row(dataset(0).did.name)).toBeVisible();
    });

    await test.step('by wheel, as far as any list', async () => {
      const row = panel.row(dataset(100).did.name);
      const height = (await panel.rows.nth(1).boundingBox())?.height ?? NaN;
      await tree.hover();
      await page.mouse.wheel(0, 100 * height);
      await expect(row).toBeInViewport();
    });
  });
}

test('a range is chosen whole, though few of its rows were ever in sight', async ({
  page
}) => {
  const fake = new FakeServer();
  fake.rows = Array.from({ length: 3000 }, (_, run) => dataset(run));
  await fake.serve(page);
  await page.goto();
  const panel = await openPanel(page);
  await panel.search('data25_13p6TeV');
  await panel.rows.first().click();
  await page.keyboard.press('Shift+End');
  await expect(panel.root).toContainText('3,000 chosen');
});
