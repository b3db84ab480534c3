"""An HTTP endpoint that speaks OpenAI's chat completions as judge, hosted or on this machine."""

import base64
import http.client
import json
import re
import urllib.error
import urllib.request

import cv2
import numpy as np

from tavid_planner.errors import ErrorCode, VideoError
from training.data.yes_or_no import NO, YES
from training.intergeneval.judged_clip import JudgedClip
from training.intergeneval.questions import Interaction, questions_of
from training.intergeneval.vision_language import ASKED, EMERGED, VANISHED

TIMEOUT_S = 120
KEY_VARIABLE = "INTERGENEVAL_API_KEY"  # in the environment, for an endpoint that wants one


class EndpointJudge:
    """Asks one question a request, with the frames as PNG in it.

    Args:
        url: the address that takes chat completions, such as http://127.0.0.1:8000/v1/chat/completions.
        model: name that the endpoint knows the model by; key: sent as a bearer token, empty for none.
    """

    def __init__(self, url: str, model: str = "", key: str = ""):
        self.url, self.model, self.key = url, model, key

    def answers(self, clip: JudgedClip, interaction: Interaction) -> np.ndarray:
        pictures = clip.pictures(interaction)
        return np.array([self._yes(pictures, ASKED.format(question=q.text)) for q in questions_of(interaction)])

    def changes(self, clip: JudgedClip, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pairs = [[clip.frames[0], clip.frames[t]] for t in frames]
        return tuple(np.array([self._yes(pair, text) for pair in pairs], bool) for text in (EMERGED, VANISHED))

    def _yes(self, pictures: list[np.ndarray], text: str) -> bool:
        """Raises: VideoError: GENERATION_FAILED when the endpoint cannot be reached or does not say yes or no."""
        content = [{"type": "image_url", "image_url": {"url": _data_url(p)}} for p in pictures]
        body = {
            "model": self.model,
            "temperature": 0,
            "max_tokens": 5,
            "messages": [{"role": "user", "content": [*content, {"type": "text", "text": text}]}],
        }
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
                said = json.load(reply)["choices"][0]["message"]["content"]
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            raise self._failed(f"{self.url} does not answer: {error}") from error
        except (KeyError, IndexError, TypeError) as error:
            raise self._failed(f"{self.url} answers in another form: no choices[0].message.content") from error
        found = re.search(rf"\b({YES}|{NO})\b", str(said).lower())
        if found is None:
            raise self._failed(f"{self.url} says {str(said)[:60]!r} where yes or no was asked for")
        return found.group() == YES

    @staticmethod
    def _failed(message: str) -> VideoError:
        hint = "give the address of an endpoint for chat completions with pictures"
        return VideoError(ErrorCode.GENERATION_FAILED, message, hint)


def _data_url(picture: np.ndarray) -> str:
    encoded = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))[1]
    return "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode()
