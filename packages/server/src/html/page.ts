/** The page to try a bundle. Its script fills it; without one it says so. */
export const pageHtml = (): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Lever: ask about an image</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
</head>
<body>
<a class="skip" href="#main">Skip to the question</a>
<header>
<div class="bar">
<h1>Ask about an image</h1>
<label>Colours <select class="theme"><option value="">of the system</option><option value="light">light</option><option value="dark">dark</option></select></label>
</div>
<p id="facts" class="quiet">Asking the server what it is ...</p>
</header>
<main id="main">
<noscript><p class="warnings">This page needs its script.</p></noscript>
<section aria-labelledby="ask-h">
<h2 id="ask-h">Question</h2>
<form id="key-form" class="row" hidden>
<label for="key">Key of this server</label>
<input id="key" type="password" autocomplete="off" required>
<button>Use it</button>
</form>
<form id="ask">
<div class="asked">
<div class="picture">
<div id="drop" class="drop"><img id="preview" alt="" hidden><span id="drop-text">Drop an image here, paste one, or</span>
<label class="file"><span>choose a file</span><input id="file" type="file" accept="image/*"></label></div>
</div>
<div class="words">
<label for="question">Question about the image</label>
<input id="question" autocomplete="off" required maxlength="8000" placeholder="what is the name of the red star?">
<div class="row">
<label>Demonstrations <input id="shots" type="number" min="1" max="16" value="2" required></label>
<button id="go" class="go">Ask</button>
</div>
<fieldset class="legend"><legend>Who chooses them</legend><div id="selectors" class="row"></div></fieldset>
<p id="status" role="status"></p>
</div>
</div>
</form>
<details id="library">
<summary>Take an image and a question of the library</summary>
<p class="quiet">Examples about the same image are then never shown as demonstrations.</p>
<div id="examples" class="examples"></div>
<div class="pages"><button type="button" id="back">Back</button><button type="button" id="more">More</button><span id="range" class="quiet" role="status"></span></div>
</details>
</section>
<section aria-labelledby="answers-h">
<h2 id="answers-h">Answers</h2>
<div id="answers" class="grid"><p class="quiet">Nothing asked yet.</p></div>
</section>
</main>
<footer><p>Served by lever. Images and questions go to this server and, where it has one, to its upstream; nowhere else. <a href="/openapi.json">API</a></p></footer>
<script src="/page.js" type="module"></script>
</body>
</html>
`
