"""The configuration of the labelling project: what an annotator sees of a call, and which labels there are.

Source of the tags: Label Studio's documentation of its labelling configuration, version 1.23.
"""

#: names of the controls in `LABEL_CONFIG`; annotations refer to them
TURN_LABEL, ISSUE, OUTCOME, QUALITY, CORRECTED, NOTES = (
    "turn_label",
    "issue",
    "outcome",
    "quality",
    "corrected",
    "notes",
)
TRANSCRIPT = "transcript"
#: the name of a control that asks the annotators what a judge decides begins so, and ends with the judge's name
JUDGE = "judge-"
#: its two answers
PASSED, FAILED = "passed", "failed"

LABEL_CONFIG = """<View>
  <Header value="Call $call_id"/>
  <Audio name="audio" value="$audio" sync="transcript" splitchannels="true" zoom="true" hotkey="ctrl+enter"/>
  <View style="display:flex; gap:1em">
    <View style="flex:60%">
      <ParagraphLabels name="turn_label" toName="transcript">
        <Label value="Misrecognition" background="#d4380d"/>
        <Label value="Bad response" background="#d48806"/>
        <Label value="Interruption" background="#531dab"/>
        <Label value="Good" background="#389e0d"/>
      </ParagraphLabels>
      <Paragraphs name="transcript" value="$turns" layout="dialogue" nameKey="speaker" textKey="text"
                  audioUrl="$audio" sync="audio" contextScroll="true" granularity="paragraph" showPlayer="false"/>
    </View>
    <View style="flex:40%">
      <Choices name="outcome" toName="transcript" choice="single" required="true" showInline="true">
        <Choice value="resolved"/><Choice value="escalated"/><Choice value="abandoned"/>
      </Choices>
      <Taxonomy name="issue" toName="transcript">
        <Choice value="Recognition"><Choice value="Wrong word"/><Choice value="Missed speech"/></Choice>
        <Choice value="Reply"><Choice value="Made up"/><Choice value="Off policy"/><Choice value="Wrong tool"/></Choice>
        <Choice value="Turn taking"><Choice value="Cut off the caller"/><Choice value="Slow reply"/></Choice>
      </Taxonomy>
      <Rating name="quality" toName="transcript" maxRating="5"/>
      <TextArea name="corrected" toName="transcript" perRegion="true" editable="true" rows="2"
                placeholder="What was really said" displayMode="region-list"/>
      <TextArea name="notes" toName="transcript" rows="3" placeholder="Notes"/>
    </View>
  </View>
</View>"""

#: a project that only receives uploaded audio, since a project with several data keys takes no files
AUDIO_CONFIG = '<View><Audio name="audio" value="$audio"/></View>'
