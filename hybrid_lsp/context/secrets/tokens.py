"""Tokens that say by their beginning whose they are, as one table.

Each row is a service, what its tokens look like (a regular expression of bounded length, after a character that is
part of no word) and who says so. What gitleaks' and detect-secrets' rules know and the services' own pages do not is
credited to them; the expressions are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hybrid_lsp.context.secrets.values import is_wordy

_B = "[A-Za-z0-9]"  # letters and digits
_U = r"[\w-]"  # URL-safe base64
_X = "[0-9a-f]"  # hexadecimal

_GITLEAKS = "gitleaks, rules"
_DETECT = "detect-secrets, plugins"

TOKENS: tuple[tuple[str, str, str], ...] = (
    ("1Password secret key", r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}", _GITLEAKS),
    ("1Password service account", rf"ops_eyJ{_U}{{100,1500}}={{0,3}}", _GITLEAKS),
    ("Adafruit IO", rf"aio_{_B}{{28}}", "Adafruit IO's pages"),
    ("Adobe client secret", r"p8e-[A-Za-z0-9]{32}", _GITLEAKS),
    ("age secret key", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", "age's specification"),
    ("Airtable", rf"pat{_B}{{14}}\.{_X}{{64}}", "Airtable's pages on personal access tokens"),
    ("Alibaba Cloud", rf"LTAI{_B}{{12,24}}", _GITLEAKS),
    ("Anthropic", rf"sk-ant-{_U}{{20,120}}", _GITLEAKS),
    ("Artifactory", rf"(?:AKC{_B}{{10,90}}|AP[\dABCDEF]{_B}{{8,80}}|cmVmdGtuO{_B}{{40,80}})", _DETECT),
    ("Asana", rf"[12]/\d{{16,17}}(?:/\d{{16,17}})?:{_X}{{32}}", "Asana's pages on personal access tokens"),
    ("Atlassian", rf"AT(?:ATT3|CTT3|BB){_U}{{20,250}}(?:=[0-9A-F]{{8}})?", _GITLEAKS),
    ("AWS access key", r"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])", "AWS, IAM identifiers"),
    ("AWS Bedrock", r"ABSK[A-Za-z0-9+/]{100,300}={0,2}", _GITLEAKS),
    ("Azure client secret", rf"{_B}{{3}}[78]Q~[\w.~-]{{31,34}}", _GITLEAKS),
    ("Azure storage or service key", r"[A-Za-z0-9+/]{76}(?:AC|AS|AI|AA|AE|AD)[A-Za-z0-9+/]{1,6}[A-Za-z0-9]{2,6}==", _DETECT),
    ("Cerebras", rf"csk-{_B}{{40,60}}", "Cerebras's pages on API keys"),
    ("E2B", rf"e2b_{_X}{{40}}", "E2B's pages on API keys"),
    ("Firecrawl", rf"fc-{_X}{{32}}", "Firecrawl's pages"),
    ("Jina", rf"jina_{_B}{{60}}", "Jina AI's pages on API keys"),
    ("Resend", rf"re_{_B}{{8}}_{_B}{{24}}", "Resend's pages on API keys"),
    ("Tavily", rf"tvly-(?:dev-|prod-)?{_B}{{32}}", "Tavily's pages on API keys"),
    ("Tencent Cloud", rf"AKID{_B}{{32}}", _GITLEAKS),
    ("Buildkite", rf"bk(?:ua|aa|pt|ct)_{_X}{{40}}", "Buildkite's pages on tokens"),
    ("Clojars", rf"CLOJARS_{_X}{{60}}", _GITLEAKS),
    ("Cloudflare", rf"(?:v1\.0-{_X}{{24}}-{_X}{{146}}|cf(?:ut|at|k)_{_B}{{30,60}})", _GITLEAKS),
    ("Contentful", rf"CFPAT-{_U}{{43}}", "Contentful's pages on personal access tokens"),
    ("crates.io", rf"cio{_B}{{32}}", "crates.io, RFC 2947's follow-up"),
    ("Databricks", rf"dapi{_X}{{32}}(?:-\d)?", "Databricks' pages on personal access tokens"),
    ("Datadog", rf"dd(?:api|app|oat|p|w)_{_B}{{30,50}}", "Datadog's pages on API keys"),
    ("DigitalOcean", rf"do[oprt]_v1_{_X}{{64}}", "DigitalOcean's pages on tokens"),
    ("Discord", rf"[MNO][A-Za-z\d]{{23,25}}\.{_U}{{6}}\.{_U}{{27,38}}", _DETECT),
    ("Discord webhook", rf"https://(?:\w{{1,10}}\.)?discord(?:app)?\.com/api/webhooks/\d{{17,20}}/(?P<secret>{_U}{{60,72}})", "Discord's pages"),
    ("Docker Hub", rf"dckr_[po]at_{_U}{{27,40}}", "Docker's pages on access tokens"),
    ("Doppler", rf"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[\w-]{{2,35}}\.)?{_B}{{40,44}}", "Doppler's pages on token formats"),
    ("Dropbox", rf"sl\.(?:u\.)?{_U}{{100,1400}}", _GITLEAKS),
    ("Duffel", rf"duffel_(?:test|live)_{_U}{{43}}", _GITLEAKS),
    ("Dynatrace", r"dt0[a-zA-Z]\d{2}\.[A-Z0-9]{8,24}\.[A-Z0-9]{64}", "Dynatrace's pages on token format"),
    ("EasyPost", rf"EZ[AT]K{_B}{{54}}", _GITLEAKS),
    ("Facebook", rf"EAA[MC]?{_B}{{60,250}}", _GITLEAKS),
    ("Figma", rf"fig[dopur]_{_U}{{38,60}}", "Figma's pages on access tokens"),
    ("Flutterwave", rf"FLW(?:PUB|SEC)K(?:_TEST)?-{_B}{{12,40}}-X", _GITLEAKS),
    ("Fly.io", rf"fm[12][ar]?_{_B}[A-Za-z0-9+/]{{40,400}}={{0,3}}|fo1_{_U}{{43}}", _GITLEAKS),
    ("Frame.io", rf"fio-u-{_U}{{64}}", _GITLEAKS),
    ("GitHub", rf"(?:gh[pousr]_{_B}{{30,255}}|github_pat_\w{{22,90}})", "GitHub, 'Behind GitHub's new authentication token formats', 2021"),
    ("GitLab", rf"(?:gl(?:pat|ptt|dt|rt|rtr|cbt|ft|imt|agent|oas|soat|ffct|wt)-[\w.=-]{{20,300}}|GR1348941{_U}{{20}}|gloas-{_X}{{64}})", "GitLab's pages on token prefixes"),
    ("Google API key", rf"AIza{_U}{{35}}", "Google Cloud's pages on API keys"),
    ("Google OAuth", rf"(?:GOCSPX-{_U}{{28}}|ya29\.{_U}{{20,1000}}|1//0{_U}{{30,120}})", "Google's pages on OAuth 2.0"),
    ("Grafana", rf"(?:gl(?:c|sa)_[A-Za-z0-9+/=_]{{32,400}}|eyJrIjoi{_B}{{50,400}}={{0,3}})", "Grafana's pages on service accounts"),
    ("Groq", rf"gsk_{_B}{{48,60}}", "Groq's pages"),
    ("Harness", rf"(?:pat|sat)\.{_U}{{22}}\.{_B}{{24}}\.{_B}{{20}}", "Harness's pages on API keys"),
    ("HashiCorp Terraform", rf"{_B}{{14}}\.atlasv1\.{_U}{{60,70}}", "HashiCorp's pages on API tokens"),
    ("HashiCorp Vault", rf"hv[sbr]\.{_U}{{24,300}}", "HashiCorp's pages on Vault tokens"),
    ("HashiCorp Vault, before 1.10", r"s\.[A-Za-z0-9]{24}(?![A-Za-z0-9.(])", "HashiCorp's pages on Vault tokens"),
    ("Heroku", rf"HRKU-(?:AA)?{_U}{{30,70}}", "Heroku's changelog"),
    ("Hugging Face", rf"(?:hf|api_org)_{_B}{{34,40}}", "Hugging Face's pages on tokens"),
    ("Infracost", rf"ico-{_B}{{32}}", _GITLEAKS),
    ("Intra42", rf"s-s4t2(?:ud|af)-{_X}{{64}}", _GITLEAKS),
    ("JSON web token", rf"eyJ{_U}{{10,2000}}\.eyJ{_U}{{10,8000}}\.(?:{_U}{{10,2000}})?", "RFC 7519"),
    ("LangChain", rf"lsv2_(?:pt|sk)_{_X}{{32}}_{_X}{{10}}", "LangSmith's pages on API keys"),
    ("Linear", rf"lin_(?:api|oauth)_{_B}{{32,64}}", "Linear's pages on API keys"),
    ("LinkedIn", rf"WPL_AP1\.{_B}{{16}}\.[\w+/=]{{4,12}}", "LinkedIn's pages on client secrets"),
    ("Lob", rf"(?:live|test)_(?:pub_)?{_X}{{31,35}}", _GITLEAKS),
    ("Mailchimp", rf"{_X}{{32}}-us\d{{1,2}}(?![\w-])", _DETECT),
    ("Mailgun", rf"(?:key-{_X}{{32}}|{_X}{{32}}-{_X}{{8}}-{_X}{{8}})(?![\w-])", _GITLEAKS),
    ("Mailjet, MessageBird or Mapbox", rf"(?:pk|sk|tk)\.eyJ{_U}{{40,200}}\.{_U}{{20,40}}", "Mapbox's pages on tokens"),
    ("MaxMind", rf"{_B}{{6}}_{_B}{{29}}_mmk", "MaxMind's pages on licence keys"),
    ("Mistral, Together or Replicate", rf"r8_{_B}{{37}}", "Replicate's pages on API tokens"),
    ("Neon", rf"napi_{_B}{{60,70}}", "Neon's pages on API keys"),
    ("Netlify", rf"nf[pcou]_{_B}{{36,40}}", "Netlify's pages on tokens"),
    ("New Relic", rf"(?:NRAK-[A-Z0-9]{{27}}|NRJS-{_X}{{19}}|NRI[IQ]-{_U}{{32}}|NRAL-?{_X}{{36,42}}|{_X}{{36}}NRAL)", "New Relic's pages on API keys"),
    ("Notion", rf"(?:secret_{_B}{{43}}|ntn_{_B}{{43,50}})", "Notion's pages on integration tokens"),
    ("npm", rf"npm_{_B}{{36}}", "GitHub, 'Announcing npm's new access token format', 2021"),
    ("NuGet", r"oy2[a-z0-9]{43}", "NuGet's pages on API keys"),
    ("Okta", rf"00{_U}{{40}}(?![\w-])", _GITLEAKS),
    ("OpenAI", rf"sk-(?!ssh-|ecdsa-)(?:proj-|svcacct-|admin-|None-|or-v1-|lf-)?{_U}{{20,250}}", "OpenAI's pages on keys; OpenRouter and others have taken the form over"),
    ("OpenShift", rf"sha256~{_U}{{43}}", "OpenShift's pages on OAuth tokens"),
    ("Perplexity", rf"pplx-{_B}{{48}}", "Perplexity's pages"),
    ("PlanetScale", r"pscale_(?:tkn|pw|oauth|id)_[\w=.-]{32,64}", "PlanetScale's pages on service tokens"),
    ("PostHog", rf"ph[csx]_{_B}{{30,60}}", "PostHog's pages on keys"),
    ("Postman", rf"PMAK-{_X}{{24}}-{_X}{{34}}", "Postman's pages on API keys"),
    ("Prefect", rf"pn[ub]_{_B}{{36}}", "Prefect's pages on API keys"),
    ("Pulumi", rf"pul-{_X}{{40}}", "Pulumi's pages on access tokens"),
    ("PyPI", rf"pypi-AgE[IN]cH?{_U}{{50,1000}}", "PyPI's pages on API tokens"),
    ("Razorpay", rf"rzp_(?:live|test)_{_B}{{14}}", "Razorpay's pages on API keys"),
    ("ReadMe", rf"rdme_{_B}{{70}}", _GITLEAKS),
    ("RubyGems", rf"rubygems_{_X}{{48}}", "RubyGems' pages on API keys"),
    ("Scalingo", rf"tk-us-{_U}{{48}}", _GITLEAKS),
    ("SendGrid", rf"SG\.{_U}{{16,32}}\.{_U}{{16,64}}", "SendGrid's pages on API keys"),
    ("Sendinblue, now Brevo", rf"xkeysib-{_X}{{64}}-{_B}{{16}}", "Brevo's pages on API keys"),
    ("Sentry", rf"sntry[sua]_(?:eyJ[\w+/=-]{{40,400}}|{_X}{{64}})(?:_[A-Za-z0-9+/]{{43}})?", "Sentry's pages on auth tokens"),
    ("Shippo", rf"shippo_(?:live|test)_{_X}{{40}}", "Shippo's pages on tokens"),
    ("Shopify", r"shp(?:at|ca|pa|ss|tka|rt|ua)_[a-fA-F0-9]{32}", "Shopify's pages on access tokens"),
    ("Slack", r"xox[abceoprs](?:\.xox[bp])?-[\w.-]{10,300}|xapp-\d-[A-Z0-9]{6,16}-\d{6,16}-[a-z0-9]{20,80}|xwfp-[\w-]{20,200}", "Slack's pages on token types"),
    ("Slack webhook", r"https://hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9+/_-]{24,100})", "Slack's pages on incoming webhooks"),
    ("Snyk or Sonar", rf"sq[upa]_{_X}{{40}}|snyk_\w{{3}}\.{_B}{{8}}\.{_U}{{40,90}}", "SonarSource's pages on tokens"),
    ("Sourcegraph", rf"sgp_(?:(?:{_X}{{16}}|local)_)?{_X}{{40}}|slk_{_X}{{64}}", "Sourcegraph's pages on tokens"),
    ("Square", rf"(?:sq0(?:atp|csp|idp)-{_U}{{22,43}}|EAAA[lE]{_U}{{58,60}})", "Square's pages on access tokens"),
    ("Stripe", rf"(?:[srp]k_(?:test|live|prod)_{_B}{{10,247}}|whsec_[A-Za-z0-9+/]{{24,64}}={{0,2}})", "Stripe's pages on API keys"),
    ("Supabase", rf"sb(?:p|_secret|_publishable)_(?:v0_)?{_U}{{30,60}}", "Supabase's pages on API keys"),
    ("Tailscale", rf"tskey-(?:api|auth|client|scim|webhook)-{_B}{{10,30}}-{_B}{{20,50}}", "Tailscale's pages on key prefixes"),
    ("Teams webhook", r"https://\w{1,60}\.webhook\.office\.com/webhookb2/(?P<secret>[\w@-]{36,80}/IncomingWebhook/[\w/-]{32,120})", _GITLEAKS),
    ("Telegram", rf"\d{{8,10}}:AA{_U}{{33}}", "Telegram's pages on bots"),
    ("Thirdweb, Typeform or Tinybird", r"tfp_[\w.=-]{40,60}", "Typeform's pages on personal access tokens"),
    ("Twilio", rf"(?:SK|AC){_X}{{32}}(?![A-Za-z0-9])", "Twilio's pages on API keys"),
    ("Twitter", r"A{22}[A-Za-z0-9%]{80,120}", _GITLEAKS),
    ("Vercel", rf"(?:vc[apkir]_{_B}{{24,60}}|vercel_blob_rw_{_B}{{16}}_{_B}{{20,50}})", "Vercel's pages on tokens"),
    ("Weights and Biases", r"wandb_v1_\w{30,90}", "Weights & Biases' pages"),
    ("WooCommerce", rf"c[sk]_{_X}{{40}}", "WooCommerce's pages on its REST API"),
    ("xAI", rf"xai-{_B}{{70,90}}", "xAI's pages"),
    ("Yandex", rf"(?:AQVN{_U}{{35,38}}|t1\.[A-Z0-9a-z_-]{{30,400}}\.{_U}{{80,90}}|YC{_U}{{38}}(?![\w-]))", _GITLEAKS),
    ("Zuplo", rf"zpka_{_X}{{32}}_{_X}{{8}}", "Zuplo's pages on API keys"),
    ("Twitch chat", rf"oauth:{_B}{{30}}", "Twitch's pages on chat"),
    ("Zendesk, Zapier hook", r"https://hooks\.zapier\.com/hooks/catch/(?P<secret>\d{4,12}/[a-z0-9]{6,12})", "Zapier's pages on webhooks"),
)  # fmt: skip
"""(service, expression, source); where a row has a group `secret`, that is taken out."""


def _compiled(rows: tuple[tuple[str, str, str], ...]) -> re.Pattern[str]:
    """All rows as one expression, so that a text is read once; the groups `secret` get numbers of their own."""
    parts = [row[1].replace("(?P<secret>", f"(?P<s{number}>") for number, row in enumerate(rows)]
    return re.compile(rf"(?<![A-Za-z0-9_/+])(?:{'|'.join(parts)})")


_ANY = _compiled(TOKENS)
_RUN = re.compile(r"[^\s\"'`<>(){}\[\],;]{16,}")
"""What a token may stand in; most of a program is shorter."""


def tokens(text: str) -> Iterator[tuple[int, int]]:
    """Where tokens stand in a text."""
    for found in (each for run in _RUN.finditer(text) for each in _ANY.finditer(text, run.start(), run.end())):
        part = found.lastgroup
        start, end = found.span(part) if part else found.span()
        value = text[start:end]
        if not value.endswith("EXAMPLE") and (re.search(r"\d", value) or not is_wordy(value)):
            yield start, end
